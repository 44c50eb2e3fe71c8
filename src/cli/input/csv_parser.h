#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/input/line_reader.h"

namespace bgem3::cli {

/// The most fields of a record.
constexpr std::size_t csv_fields_max = 16384;

/// Records of CSV as RFC 4180 has them. A quote within a field that does not begin with one is an ordinary character.
class CsvParser {
 public:
  CsvParser(LineReader& lines, char delimiter) : lines_(lines), delimiter_(delimiter) {}

  /// The fields of the next record; false at the end, or when a signal came. After a fault, the next record begins in
  /// the next line.
  /// @throws Error invalid_argument for a record that is too long, has too many fields, or that the input ends in:
  ///         where others begin is not known then
  bool next(std::vector<std::string>& fields);

  /// Whether the record is a line without anything, not even quotes.
  [[nodiscard]] bool is_blank() const noexcept { return is_blank_; }
  /// Why the record cannot be read; "" when all is well.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  /// The line that it begins in, from 1.
  [[nodiscard]] std::uint64_t first_line() const noexcept { return first_line_; }

 private:
  bool read_line();
  void parse_fields(std::vector<std::string>& fields);
  bool parse_field(std::string& field);
  void parse_quoted(std::string& field);
  [[nodiscard]] bool is_at_end() const;
  [[noreturn]] void refuse(const std::string& found) const;

  LineReader& lines_;
  char delimiter_;
  std::string line_;
  std::size_t at_ = 0;     // in `line_`
  std::size_t bytes_ = 0;  // of the record
  std::uint64_t first_line_ = 0;
  bool is_blank_ = false;
  bool is_interrupted_ = false;
  std::string fault_;
};

}  // namespace bgem3::cli
