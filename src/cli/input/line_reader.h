#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input/byte_source.h"

namespace bgem3::cli {

/// The most bytes of a line, and of a CSV record.
constexpr std::size_t line_bytes_max = std::size_t{64} * 1024 * 1024;

/// Lines of a text.
class LineReader {
 public:
  enum class Status { line, too_long, end };

  /// @param name  of the input, for messages
  LineReader(ByteSource& source, std::string name);

  /// The next line, without its "\n", or without the "\r\n". `too_long` comes as soon as the limit is passed, and
  /// leaves the line out; the next call passes over the rest of it. `end` comes at the end of the text, or when a
  /// signal came.
  /// @throws Error io_error; invalid_argument when a NUL byte among the first bytes shows that this is no text
  Status read_line(std::string& line);

  /// As read_line(), with the "\r" that a line may end with.
  Status read_raw_line(std::string& line);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t lines_read() const noexcept { return lines_read_; }
  /// Share of the bytes that came from the source which have been handed out.
  [[nodiscard]] double share_used() const noexcept;

 private:
  bool fill();
  Status end_of_text(bool has_begun) const;

  ByteSource& source_;
  std::string name_;
  std::uint64_t lines_read_ = 0;
  std::uint64_t bytes_filled_ = 0;
  bool is_discarding_ = false;  // the rest of a line that was too long
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not yet handed out
  std::size_t end_ = 0;
};

/// Why `text` is not UTF-8: "expected UTF-8, found …", or "" when it is.
/// @param what  it is, such as "line"
std::string fault_of_encoding(std::string_view text, std::string_view what);

/// Why a line is no text: "" when it is UTF-8 without NUL bytes, else "expected …, found …".
/// @param status  `line` or `too_long`
std::string fault_of_line(LineReader::Status status, std::string_view line);

}  // namespace bgem3::cli
