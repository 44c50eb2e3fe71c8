#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>

namespace bgem3 {

/// Whether there is a file, of whatever kind, at `path`.
/// @throws Error io_error where that cannot be told: no permission, links that lead in a circle; bad_model for a
///         link to nothing, which is half of a file that somebody meant to be there
bool is_there(const std::filesystem::path& path);

/// A regular file, open for reading. Anything else is refused without being opened: a FIFO would be waited for, a
/// device may do something, and neither has an end.
class OpenFile {
 public:
  /// @throws Error io_error naming the path and the reason: missing, unreadable, another kind of file
  explicit OpenFile(const std::filesystem::path& path);
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// The descriptor is the caller's to close.
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
  /// Bytes it had when it was opened.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  int descriptor_;
  std::size_t size_ = 0;
};

}  // namespace bgem3
