#pragma once

#include <cstdint>
#include <string>

#include "cli/input/byte_source.h"

namespace bgem3::cli {

/// A file or standard input ("-"). Reads with plain system calls, so that a failed read is not taken for the end of the
/// input, and a signal (see Interrupt) ends the wait for bytes.
class FileSource : public ByteSource {
 public:
  /// @throws Error io_error when the file cannot be opened for reading
  explicit FileSource(const std::string& path);
  ~FileSource() override;

  std::size_t read(char* out, std::size_t size) override;

  /// For messages: in quotes, or "standard input".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  /// Bytes of the whole file; 0 for a pipe or a terminal.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }

 private:
  std::string name_;
  int descriptor_;
  bool owned_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace bgem3::cli
