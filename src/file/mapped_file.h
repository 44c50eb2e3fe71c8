#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "file/watched_memory.h"

namespace bgem3 {

/// What tells that the contents of a file were changed: its size, and when it was last written to or touched. A file
/// that is renamed, linked, or given other rights is the same.
struct FileState {
  std::int64_t size = 0;
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;

  friend bool operator==(const FileState&, const FileState&) = default;
};

/// A whole file, read-only for as long as somebody holds it: mapped, or a copy in memory of this process.
class MappedFile {
 public:
  /// Maps a file. It stays open, and its descriptor is not inherited by other programs.
  /// @throws Error io_error naming the path and the reason: missing, unreadable, a directory, empty.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  /// Reads a file, whose changes are of no consequence from then on.
  /// @throws Error as open(); model_changed when it was changed while it was read
  static std::shared_ptr<const MappedFile> read(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Gives the memory of what was read back; it is read again when it is used. Of a copy nothing is given back.
  void release_pages() const noexcept;

  /// Gives the memory of a copy back up to `offset`, before which it must not be used any more.
  void forget_before(std::size_t offset) const noexcept;

  /// What happened to a mapped file since it was opened, if its contents may be others: "'PATH' was …". Once there was
  /// something, there always is. Any thread. What was read of the file before this call is as it was when the file was
  /// opened, if there is nothing; docs/security.md has the exceptions.
  [[nodiscard]] std::optional<std::string> find_change() const;

  /// @throws Error model_changed if there is a change
  void expect_unchanged() const;

 private:
  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] bool is_mapped() const noexcept { return descriptor_ >= 0; }

  const std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  // Of a mapped file.
  int descriptor_ = -1;
  FileState state_;
  std::optional<WatchedMemory> watch_;
  mutable std::atomic<bool> has_changed_ = false;
};

/// The contents of a file of `bytes_max` at most.
/// @throws Error io_error as MappedFile::open does, bad_model for a larger file, model_changed when it was changed
///         while it was read; an empty file is an empty string.
std::string read_text_file(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace bgem3
