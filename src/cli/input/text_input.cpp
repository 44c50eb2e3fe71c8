#include "cli/input/text_input.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/input/compressed.h"
#include "cli/input/refuse.h"
#include "cli/input/utf16_source.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

bool is_named_compressed(std::string_view path) { return path.ends_with(".gz") || path.ends_with(".zst"); }

// A file of texts may be empty; an archive or a table has a header at least.
void expect_may_be_empty(const std::string& name, std::string_view path) {
  if (is_named_compressed(path)) refuse_damaged(name, "archive", "it is empty");
  if (path.ends_with(".parquet")) refuse_damaged(name, "Parquet", "it is empty");
}

// By the name of the file, without what compression adds to it; "" when that does not tell.
std::string format_by_name(std::string_view path) {
  if (is_named_compressed(path)) path = path.substr(0, path.rfind('.'));
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) return "jsonl";
  if (path.ends_with(".csv")) return "csv";
  if (path.ends_with(".tsv")) return "tsv";
  return "";
}

char parse_delimiter(const std::string& delimiter, char otherwise) {
  if (delimiter.empty()) return otherwise;
  if (delimiter == "\\t") return '\t';
  const bool is_ascii = (static_cast<unsigned char>(delimiter.front()) & 0x80U) == 0;
  if (delimiter.size() != 1 || !is_ascii ||
      std::string_view("\"\r\n").find(delimiter.front()) != std::string_view::npos) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("--delimiter should be one ASCII character, or \\t, and no quote; found {}",
                            detail::in_quotes(delimiter)));
  }
  return delimiter.front();
}

void refuse_csv_options(const InputOptions& options, std::string_view format) {
  for (const auto& [name, is_given] :
       {std::pair{"--column", !options.column.empty()}, std::pair{"--delimiter", !options.delimiter.empty()},
        std::pair{"--no-header", options.no_header}}) {
    if (!is_given) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} is for CSV and TSV, and this input is read as {}; say --input-format csv or tsv", name,
                            format));
  }
}

std::unique_ptr<RecordReader> make_records(LineReader& lines, const InputOptions& options) {
  const std::string by_name = format_of(options);
  const std::string_view format = by_name.empty() ? "lines" : std::string_view(by_name);
  if (format == "csv") return make_csv_records(lines, options, parse_delimiter(options.delimiter, ','));
  if (format == "tsv") return make_csv_records(lines, options, parse_delimiter(options.delimiter, '\t'));
  refuse_csv_options(options, format);
  if (format == "jsonl") return make_jsonl_records(lines, options.pairs ? JsonlKeys::pair : JsonlKeys::text);
  return make_plain_records(lines, by_name.empty());
}

}  // namespace

std::string format_of(const InputOptions& options) {
  return options.format.empty() ? format_by_name(options.path) : options.format;
}

TextInput::TextInput(ByteSource& file, std::string name, const InputOptions& options) : name_(std::move(name)) {
  HeadSource& head = look_at(file);
  if (head.head().empty() && Interrupt::signal() == 0) expect_may_be_empty(name_, options.path);
  if (const auto found = recognise(head.head()); found.kind == InputKind::parquet) {
    if (options.pairs) refuse_input(name_, "expected JSON lines with a query in each record, found Parquet");
    records_ = make_parquet_records(name_, options, found.advice);
    return;
  }
  lines_ = std::make_unique<LineReader>(open_text(head), name_);
  records_ = make_records(*lines_, options);
}

std::uint64_t TextInput::bytes_used(std::uint64_t bytes_read, std::uint64_t bytes_total) const noexcept {
  const double bytes = lines_ ? static_cast<double>(bytes_read) * lines_->share_used()
                              : static_cast<double>(bytes_total) * records_->share_done();
  return static_cast<std::uint64_t>(bytes);
}

template <typename Source>
Source& TextInput::keep(std::unique_ptr<Source> source) {
  Source& kept = *source;
  stages_.push_back(std::move(source));
  return kept;
}

HeadSource& TextInput::look_at(ByteSource& source) { return keep(std::make_unique<HeadSource>(source)); }

ByteSource& TextInput::decompress(InputKind kind) {
  ByteSource& packed = *stages_.back();
  return keep(kind == InputKind::gzip ? make_gzip_source(packed, name_) : make_zstd_source(packed, name_));
}

ByteSource& TextInput::open_text(HeadSource& head) {
  const auto kind = recognise(head.head()).kind;
  if (kind != InputKind::gzip && kind != InputKind::zstd) return decode(head);
  return decode(look_at(decompress(kind)));
}

ByteSource& TextInput::decode(HeadSource& head) {
  constexpr std::size_t utf16_mark = 2;
  constexpr std::size_t utf8_mark = 3;
  const Recognised found = recognise(head.head());
  switch (found.kind) {
    case InputKind::text: return head;
    case InputKind::utf8_mark: head.drop(utf8_mark); return head;
    case InputKind::utf16_little:
    case InputKind::utf16_big:
      head.drop(utf16_mark);
      return keep(std::make_unique<Utf16Source>(head, name_, found.kind == InputKind::utf16_big));
    case InputKind::gzip:
    case InputKind::zstd:
    case InputKind::parquet:
      refuse_kind(name_, fmt::format("{} in what was decompressed", found.name), "decompress it");
    case InputKind::other: break;
  }
  refuse_kind(name_, found.name, found.advice);
}

}  // namespace bgem3::cli
