#include "cli/input/json_look.h"
#include "cli/input/record_reader.h"

namespace bgem3::cli {
namespace {

class PlainRecords : public RecordReader {
 public:
  PlainRecords(LineReader& lines, bool is_guess) : lines_(lines), is_guess_(is_guess) {}

  bool next(Record& record) override {
    const auto status = lines_.read_line(record.text);
    if (status == LineReader::Status::end) return false;
    record.id.clear();
    record.line = lines_.lines_read();
    record.fault = fault_of_line(status, record.text);
    if (is_guess_ && record.line == 1) refuse_json_as_lines(lines_.name(), record.text);
    return true;
  }

 private:
  LineReader& lines_;
  bool is_guess_;
};

}  // namespace

std::unique_ptr<RecordReader> make_plain_records(LineReader& lines, bool is_guess) {
  return std::make_unique<PlainRecords>(lines, is_guess);
}

}  // namespace bgem3::cli
