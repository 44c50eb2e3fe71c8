#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace bgem3 {

/// A whole file, mapped read-only for as long as somebody holds it.
class MappedFile {
 public:
  /// @throws Error io_error naming the path and the reason: missing, unreadable, a directory, empty.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Gives the memory of what was read back; it is read again when it is used.
  void release_pages() const noexcept;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// The contents of a file of `bytes_max` at most.
/// @throws Error io_error as MappedFile::open does, bad_model for a larger file; an empty file is an empty string.
std::string read_text_file(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace bgem3
