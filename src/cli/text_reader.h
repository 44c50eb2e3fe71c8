#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "cli/input/file_source.h"
#include "cli/input/options.h"
#include "cli/input/text_input.h"

namespace bgem3::cli {

/// Some records of the input, in order.
struct TextChunk {
  std::vector<std::string> texts;
  std::vector<std::string> queries;  ///< of pairs (InputOptions::pairs), as many as texts
  std::vector<std::string> ids;   ///< JSON, of all records: the input's own "id", else the number of the record from 0
  std::vector<std::size_t> null;  ///< which of `ids` have no text, because their record was bad (--on-error null)
  std::uint64_t bytes_end = 0;    ///< bytes of the input up to the end of this chunk
};

/// Reads texts from a file or standard input ("-"), a bounded part at a time. A signal (see Interrupt) ends the input.
/// What becomes of a record that is bad, --on-error says: an error after all texts before it ("stop"); it is left out
/// ("skip"); or it counts without a text ("null").
class TextReader {
 public:
  /// @throws Error io_error when the input cannot be opened; invalid_argument when it is of a kind that is not read
  explicit TextReader(const InputOptions& options);

  /// The next records: at most `texts_max`, and not many more than `bytes_max` bytes of text; no ids at the end.
  /// @throws Error invalid_argument naming file and line for a bad record, io_error for a failed read; after all texts
  ///         before it have been returned
  TextChunk read(std::size_t texts_max, std::size_t bytes_max);

  /// At the end.
  /// @throws Error invalid_argument when all records were bad
  void expect_good_records() const;
  /// At the end: tells how many records were bad.
  /// @throws Error as expect_good_records()
  void tell_bad_records() const;

  /// Bytes of the whole file; 0 for a pipe or a terminal.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return file_.bytes_total(); }
  /// Bytes of the file that the records so far took; of a compressed one, about so many.
  [[nodiscard]] std::uint64_t bytes_done() const noexcept;
  /// Of the input, for messages.
  [[nodiscard]] const std::string& name() const noexcept { return input_.name(); }

 private:
  bool next();
  void take(TextChunk& chunk);
  [[nodiscard]] std::string describe_fault() const;
  void tell_fault() const;

  FileSource file_;
  TextInput input_;
  bool stops_;
  bool keeps_null_;
  bool pairs_;
  Record record_;
  std::uint64_t records_read_ = 0;
  std::uint64_t records_bad_ = 0;
  std::exception_ptr failure_;  // kept until the texts before it are out
};

}  // namespace bgem3::cli
