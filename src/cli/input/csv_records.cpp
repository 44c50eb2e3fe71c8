#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/detail/message.h"
#include "cli/input/columns.h"
#include "cli/input/csv_parser.h"
#include "cli/input/record_reader.h"
#include "cli/input/refuse.h"

namespace bgem3::cli {
namespace {

using detail::in_quotes;
using Fields = std::vector<std::string>;

class CsvRecords : public RecordReader {
 public:
  CsvRecords(LineReader& lines, const InputOptions& options, char delimiter)
      : lines_(lines), parser_(lines, delimiter), options_(options) {}

  bool next(Record& record) override {
    if (!has_begun_ && !begin()) return false;
    while (!is_waiting_ || is_blank()) {
      if (!parser_.next(fields_)) return false;
      is_waiting_ = true;
    }
    is_waiting_ = false;
    record.line = parser_.first_line();
    record.fault = parser_.fault();
    if (record.fault.empty() && fields_.size() != width_) {
      record.fault = fmt::format("expected {} fields, as in the first line, found {}", width_, fields_.size());
    }
    record.text.clear();
    record.id.clear();
    if (record.fault.empty()) fill(record);
    return true;
  }

 private:
  // A blank line is no record, unless all have but one field, which may be empty.
  [[nodiscard]] bool is_blank() const { return parser_.is_blank() && width_ != 1; }

  // Reads the header, or the first record in its place.
  bool begin() {
    do {
      if (!parser_.next(fields_)) return false;
    } while (is_blank() && !options_.no_header);
    has_begun_ = true;
    if (!parser_.fault().empty())
      refuse_input(lines_.name(), fmt::format("line {}: {}", parser_.first_line(), parser_.fault()));
    width_ = fields_.size();
    refuse_other_delimiter();
    is_waiting_ = options_.no_header;
    const Columns columns(lines_.name(), options_.no_header ? Fields() : fields_, width_);
    text_ = columns.choose(options_.column);
    id_ = columns.find_id();
    return true;
  }

  // One column whose name has what others put between columns is a file of another kind.
  void refuse_other_delimiter() const {
    if (width_ != 1) return;
    const auto at = fields_.front().find_first_of(",;\t|");
    if (at == std::string::npos || !options_.delimiter.empty()) return;
    const char found = fields_.front()[at];
    refuse_input(lines_.name(),
                 fmt::format("expected columns, found one, {}; if they are separated by {}, say --delimiter '{}'",
                             in_quotes(fields_.front()), found == '\t' ? "tabs" : fmt::format("'{}'", found),
                             found == '\t' ? "\\t" : std::string(1, found)));
  }

  void fill(Record& record) {
    record.text = std::move(fields_[text_]);
    // CSV has no types, so an id is a string: "007" stays what it is.
    if (id_) record.id = nlohmann::json(text_ == *id_ ? record.text : fields_[*id_]).dump();
  }

  LineReader& lines_;
  CsvParser parser_;
  InputOptions options_;
  Fields fields_;
  std::size_t width_ = 0;
  std::size_t text_ = 0;
  std::optional<std::size_t> id_;
  bool has_begun_ = false;
  bool is_waiting_ = false;  // `fields_` has a record that was not handed out
};

}  // namespace

std::unique_ptr<RecordReader> make_csv_records(LineReader& lines, const InputOptions& options, char delimiter) {
  return std::make_unique<CsvRecords>(lines, options, delimiter);
}

}  // namespace bgem3::cli
