#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bgem3::cli {

/// Lines of a file or of standard input ("-"). Reads with plain system calls, so that a failed read is not taken for
/// the end of the input, and a signal (see Interrupt) ends the wait for a line.
class InputFile {
 public:
  /// @throws Error io_error when the file cannot be opened for reading
  explicit InputFile(const std::string& path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  /// The next line, without its "\n"; false at the end, or when a signal came.
  /// @throws Error io_error
  bool read_line(std::string& line);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Bytes of the lines that were read.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  /// Bytes of the whole file; 0 for a pipe or a terminal.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }

 private:
  bool fill();

  std::string name_;
  int descriptor_;
  bool owned_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not yet handed out
  std::size_t end_ = 0;
};

}  // namespace bgem3::cli
