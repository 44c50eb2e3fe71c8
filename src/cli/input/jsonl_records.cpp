#include <fmt/format.h>

#include "cli/input/json_look.h"
#include "cli/input/record_reader.h"

namespace bgem3::cli {
namespace {

class JsonlRecords : public RecordReader {
 public:
  JsonlRecords(LineReader& lines, JsonlKeys keys) : lines_(lines), keys_(keys) {}

  bool next(Record& record) override {
    const auto status = lines_.read_line(line_);
    if (status == LineReader::Status::end) return false;
    record.line = lines_.lines_read();
    record.text.clear();
    record.query.clear();
    record.id.clear();
    record.fault = status == LineReader::Status::line ? parse(record) : fault_of_line(status, line_);
    return true;
  }

 private:
  std::string parse(Record& record) {
    if (!has_begun_) look_at_begin();
    JsonlRecord parsed;
    const std::string found = parse_record(line_, parsed, keys_);
    record.text = std::move(parsed.text);
    record.query = std::move(parsed.query);
    record.id = std::move(parsed.id);
    return found.empty() ? "" : explain(found);
  }

  void look_at_begin() {
    refuse_json_document(lines_.name(), line_);
    has_begun_ = !trim_json(line_).empty();
  }

  [[nodiscard]] std::string explain(const std::string& found) const {
    std::string fault = fault_of_line(LineReader::Status::line, line_);
    if (!fault.empty()) return fault;
    const char* const expected =
        keys_ == JsonlKeys::pair ? R"(strings "query" and "text", and no other key but "id")" : R"(a string "text")";
    return fmt::format("expected a JSON object with {}, found {}", expected,
                       trim_json(line_).empty() ? "a blank line" : found);
  }

  LineReader& lines_;
  JsonlKeys keys_;
  std::string line_;
  bool has_begun_ = false;  // a line that is not blank was there
};

}  // namespace

std::unique_ptr<RecordReader> make_jsonl_records(LineReader& lines, JsonlKeys keys) {
  return std::make_unique<JsonlRecords>(lines, keys);
}

}  // namespace bgem3::cli
