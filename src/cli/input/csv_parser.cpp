#include "cli/input/csv_parser.h"

#include <algorithm>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/interrupt.h"

namespace bgem3::cli {

void CsvParser::refuse(const std::string& found) const {
  throw Error(ErrorCode::invalid_argument, fmt::format("{}, line {}: {}", lines_.name(), first_line_, found));
}

// False at the end, or when a signal came.
bool CsvParser::read_line() {
  const auto status = lines_.read_raw_line(line_);
  at_ = 0;
  if (status == LineReader::Status::end) return false;
  bytes_ += line_.size() + 1;
  if (status == LineReader::Status::too_long || bytes_ > line_bytes_max + 1) {
    refuse(fmt::format("expected a record of at most {} bytes, found more; is a quote not closed?", line_bytes_max));
  }
  if (fault_.empty()) fault_ = fault_of_line(status, line_);
  return true;
}

bool CsvParser::is_at_end() const { return at_ == line_.size() || (at_ + 1 == line_.size() && line_[at_] == '\r'); }

bool CsvParser::next(std::vector<std::string>& fields) {
  fault_.clear();
  bytes_ = 0;
  first_line_ = lines_.lines_read() + 1;
  if (!read_line()) return false;
  is_blank_ = is_at_end();
  parse_fields(fields);
  return !is_interrupted_;
}

void CsvParser::parse_fields(std::vector<std::string>& fields) {
  std::size_t count = 0;
  do {
    if (count == csv_fields_max) refuse(fmt::format("expected at most {} fields, found more", csv_fields_max));
    if (count == fields.size()) fields.emplace_back();
    fields[count].clear();
  } while (parse_field(fields[count++]));
  fields.resize(count);
}

// True when another field follows.
bool CsvParser::parse_field(std::string& field) {
  if (at_ < line_.size() && line_[at_] == '"') {
    parse_quoted(field);
  } else {
    const auto end = line_.find(delimiter_, at_);
    field.assign(line_, at_, end - at_);
    at_ = std::min(end, line_.size());
    if (at_ == line_.size() && field.ends_with('\r')) field.pop_back();
  }
  if (is_interrupted_ || is_at_end()) return false;
  if (line_[at_] == delimiter_) {
    ++at_;
    return true;
  }
  if (fault_.empty()) {
    fault_ = fmt::format("expected the end of the field after its closing quote, found more at byte {} of line {}",
                         at_ + 1, lines_.lines_read());
  }
  return false;
}

// Between quotes, a line end is part of the field, and two quotes are one.
void CsvParser::parse_quoted(std::string& field) {
  ++at_;
  while (true) {
    const auto quote = line_.find('"', at_);
    if (quote == std::string::npos) {
      field.append(line_, at_);
      field += '\n';
      if (read_line()) continue;
      is_interrupted_ = Interrupt::signal() != 0;
      if (!is_interrupted_) refuse("a quoted field begins in this record and does not end; is a quote missing?");
      return;
    }
    field.append(line_, at_, quote - at_);
    at_ = quote + 1;
    if (at_ == line_.size() || line_[at_] != '"') return;
    field += '"';
    ++at_;
  }
}

}  // namespace bgem3::cli
