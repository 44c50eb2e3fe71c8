#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "cli/input_file.h"

namespace bgem3::cli {

/// --input and --input-format.
struct InputOptions {
  std::string path = "-";
  std::string format;  ///< "lines", "jsonl", or empty: jsonl for a file named *.jsonl, else lines
};

/// Some texts of the input, in order.
struct TextChunk {
  std::vector<std::string> texts;
  std::vector<std::string> ids;  ///< JSON: the "id" of each JSON line, else the number of the text from 0
  std::uint64_t bytes_end = 0;   ///< bytes of the input up to the end of this chunk
};

/// Reads texts from a file or standard input ("-"), a bounded part at a time: one a line, or JSON lines with
/// "text". A signal (see Interrupt) ends the input.
class TextReader {
 public:
  /// @throws Error io_error when the input cannot be opened
  explicit TextReader(const InputOptions& options);

  /// The next texts: at most `texts_max`, and not many more than `bytes_max` bytes; empty at the end.
  /// @throws Error invalid_argument naming file and line for a bad line, io_error for a failed read; after all texts
  ///         before it have been returned
  TextChunk read(std::size_t texts_max, std::size_t bytes_max);

  /// Passes over `count` texts, which an earlier run has done.
  void skip(std::size_t count);

  [[nodiscard]] const InputFile& file() const noexcept { return file_; }

 private:
  bool read_line(std::string& line);
  void add_line(std::string& line, TextChunk& chunk) const;
  [[noreturn]] void bad_line(const std::string& found) const;

  bool is_jsonl_;
  InputFile file_;
  std::uint64_t lines_read_ = 0;
  std::exception_ptr failure_;  // kept until the texts before it are out
};

}  // namespace bgem3::cli
