#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bgem3::cli {

/// Where results go: a file or standard output ("-"). Written with plain system calls, so that it is known to the byte
/// what has arrived, and a failed write can be undone to the last whole record. A file that was made and never written
/// to is removed again, but for one that a link led to.
class OutputFile {
 public:
  /// Opens the file, or makes it; what is in it stays until it is cut. A regular file is locked until it is closed.
  /// @throws Error io_error when the file cannot be opened for writing, or another process has locked it
  explicit OutputFile(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Whether earlier bytes can be rewritten: a regular file of our own, not standard output, a pipe or a terminal.
  [[nodiscard]] bool is_seekable() const noexcept { return owned_ && regular_; }
  /// Where the next append() goes.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// For messages: in quotes, or "standard output".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Appends; returns how many bytes arrived, fewer than asked when the device is full.
  /// @throws std::system_error of std::errc::broken_pipe when the reader of the output went away
  std::size_t append(std::string_view bytes);

  /// The reason of the last short append().
  [[nodiscard]] std::string failure() const;

  /// Reads `size` bytes, or those up to the end of the file, from `position`; only if is_seekable().
  /// @throws Error io_error
  [[nodiscard]] std::string read(std::uint64_t position, std::size_t size) const;

  /// Overwrites `bytes.size()` bytes at `position`; only if is_seekable().
  /// @throws Error io_error
  void overwrite(std::uint64_t position, std::string_view bytes);

  /// Cuts a regular file to `size`; without effect on a pipe.
  void truncate(std::uint64_t size);

  /// Returns when a regular file is on the disk, as it is by now.
  /// @throws Error io_error; also when the name no longer leads to this file
  void sync();

  /// Network file systems tell only now that the disk was full.
  /// @throws Error io_error
  void close();

 private:
  void lock() const;
  void expect_in_place() const;
  [[nodiscard]] bool is_in_place() const;

  std::string path_;
  std::string name_;
  bool is_unused_ = false;  // made by us, and nothing was written to it
  int descriptor_;
  bool owned_;
  bool regular_ = false;
  std::uint64_t size_ = 0;
  int error_ = 0;
};

}  // namespace bgem3::cli
