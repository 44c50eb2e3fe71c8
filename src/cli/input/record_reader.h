#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cli/input/line_reader.h"
#include "cli/input/options.h"
#include "cli/jsonl_record.h"

namespace bgem3::cli {

/// One text of an input, or what stands in its place.
struct Record {
  std::string text;
  std::string query;       ///< of a pair, whose passage is `text`
  std::string id;          ///< JSON; empty when the input has none
  std::string fault;       ///< empty, or why there is no text: "expected …, found …"
  std::uint64_t line = 0;  ///< of the input, from 1, that the record begins in; of a table without lines, the row
};

/// Records of a text, in the form that the name says.
class RecordReader {
 public:
  RecordReader() = default;
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;
  virtual ~RecordReader() = default;

  /// False at the end, or when a signal came.
  /// @throws Error when it is not known where the next record begins, or when the input is of another kind
  virtual bool next(Record& record) = 0;

  /// What Record::line counts, for messages.
  [[nodiscard]] virtual const char* unit() const noexcept { return "line"; }
  /// Which part of the input is read, where that is not known by its bytes.
  [[nodiscard]] virtual double share_done() const noexcept { return 0; }
};

/// One text a line.
/// @param is_guess  nobody said so: what looks like JSON is refused
std::unique_ptr<RecordReader> make_plain_records(LineReader& lines, bool is_guess);

/// An object a line.
std::unique_ptr<RecordReader> make_jsonl_records(LineReader& lines, JsonlKeys keys);

/// Records as RFC 4180 has them, of which one column is the text; that of name "id", where there is one, gives ids.
/// @param delimiter  between fields
std::unique_ptr<RecordReader> make_csv_records(LineReader& lines, const InputOptions& options, char delimiter);

/// Rows of Parquet, of which one column is the text; that of name "id", where there is one, gives ids.
/// @param name    of the input, for messages
/// @param advice  what to do where libbgem3_cli_parquet is not installed
std::unique_ptr<RecordReader> make_parquet_records(const std::string& name, const InputOptions& options,
                                                   std::string_view advice);

}  // namespace bgem3::cli
