#include <sys/stat.h>

#include <exception>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/input/columns.h"
#include "cli/input/kind.h"
#include "cli/input/line_reader.h"
#include "cli/input/parquet_file.h"
#include "cli/input/record_reader.h"
#include "cli/input/refuse.h"
#include "cli/interrupt.h"
#include "cli/load_table.h"

namespace bgem3::cli {
namespace {

using detail::in_quotes;
using Value = ParquetFile::Value;

// Parquet is read from its end.
void expect_regular(const std::string& name, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) return;
  refuse_input(name, "Parquet is read from a file, not from a pipe; name it with --input FILE");
}

void refuse_options(const std::string& name, const InputOptions& options) {
  const char* const given = !options.format.empty()      ? "--input-format"
                            : !options.delimiter.empty() ? "--delimiter"
                            : options.no_header          ? "--no-header"
                                                         : nullptr;
  if (given != nullptr) refuse_input(name, fmt::format("this is Parquet, which {} does not fit; leave it out", given));
}

const ParquetLibrary& load_library(const std::string& name, std::string_view advice) {
  const LoadedTable found =
      load_table("libbgem3_cli_parquet.so", get_parquet_library_name, "the Apache Arrow that it was built with");
  if (found.table != nullptr) return *static_cast<const ParquetLibrary*>(found.table);
  refuse_kind(name, "Parquet", advice);
}

// What is thrown on the other side has no type that is known here.
template <typename Work>
auto translate(const std::string& name, Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::io_error, fmt::format("{} cannot be read as Parquet: {}", name, error.what()));
  }
}

class ParquetRecords : public RecordReader {
 public:
  ParquetRecords(std::unique_ptr<ParquetFile> file, std::string name, const std::string& column)
      : file_(std::move(file)), name_(std::move(name)) {
    std::vector<std::string> names;
    for (const auto& found : file_->columns()) names.push_back(found.name);
    const Columns columns(name_, names, names.size());
    std::vector<std::size_t> selected = {columns.choose(column)};
    expect_kind(selected.front(), {ParquetFile::Kind::text}, "texts");
    if (const auto id = columns.find_id()) {
      expect_kind(*id, {ParquetFile::Kind::text, ParquetFile::Kind::integer}, "strings or integers");
      is_id_text_ = file_->columns()[*id].kind == ParquetFile::Kind::text;
      selected.push_back(*id);
    }
    file_->select(selected);
  }

  bool next(Record& record) override {
    if (Interrupt::signal() != 0 || !translate(name_, [&] { return file_->next(values_); })) return false;
    record.line = ++rows_read_;
    record.text.clear();
    record.id.clear();
    const Value& text = values_.front();
    record.fault = text ? fault_of(*text, "text") : "expected a text, found null";
    if (values_.size() > 1) set_id(values_.back(), record);
    if (record.fault.empty()) record.text = std::move(*values_.front());
    return true;
  }

  [[nodiscard]] const char* unit() const noexcept override { return "row"; }
  [[nodiscard]] double share_done() const noexcept override {
    return file_->rows() == 0 ? 1 : static_cast<double>(rows_read_) / static_cast<double>(file_->rows());
  }

 private:
  void expect_kind(std::size_t column, std::initializer_list<ParquetFile::Kind> kinds, const char* expected) const {
    const auto& found = file_->columns()[column];
    for (const auto kind : kinds) {
      if (found.kind == kind) return;
    }
    refuse_input(name_,
                 fmt::format("expected {} in the column {}, found {}", expected, in_quotes(found.name), found.type));
  }

  // Strings of Parquet should be UTF-8, but nothing sees to it.
  static std::string fault_of(const std::string& value, const char* what) {
    if (value.size() > line_bytes_max) {
      return fmt::format("expected at most {} bytes in the {}, found {}", line_bytes_max, what, value.size());
    }
    return fault_of_encoding(value, what);
  }

  void set_id(const Value& id, Record& record) const {
    if (!id || !is_id_text_) {
      record.id = id.value_or("null");
      return;
    }
    const std::string fault = fault_of(*id, "id");
    if (record.fault.empty()) record.fault = fault;
    if (fault.empty()) record.id = nlohmann::json(*id).dump();
  }

  std::unique_ptr<ParquetFile> file_;
  std::string name_;
  std::vector<Value> values_;  // the text, and the id where there is one
  bool is_id_text_ = false;
  std::uint64_t rows_read_ = 0;
};

}  // namespace

std::unique_ptr<RecordReader> make_parquet_records(const std::string& name, const InputOptions& options,
                                                   std::string_view advice) {
  const std::string path = options.path == "-" ? "/dev/stdin" : options.path;
  const ParquetLibrary& library = load_library(name, advice);
  refuse_options(name, options);
  expect_regular(name, path);
  auto file = translate(name, [&] { return library.open(path); });
  return std::make_unique<ParquetRecords>(std::move(file), name, options.column);
}

}  // namespace bgem3::cli
