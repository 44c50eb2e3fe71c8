#include "cli/text_reader.h"

#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/jsonl_record.h"

namespace bgem3::cli {
namespace {

bool choose_jsonl(const InputOptions& options) {
  return options.format.empty() ? options.path.ends_with(".jsonl") : options.format == "jsonl";
}

}  // namespace

TextReader::TextReader(const InputOptions& options) : is_jsonl_(choose_jsonl(options)), file_(options.path) {}

bool TextReader::read_line(std::string& line) {
  if (!file_.read_line(line)) return false;
  ++lines_read_;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

void TextReader::bad_line(const std::string& found) const {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}, line {}: expected a JSON object with a string \"text\", found {}", file_.name(),
                          lines_read_, found));
}

void TextReader::add_line(std::string& line, TextChunk& chunk) const {
  JsonlRecord record;
  if (is_jsonl_) {
    const std::string found = parse_record(line, record);
    if (!found.empty()) bad_line(found);
  } else {
    record.text = std::move(line);
  }
  chunk.texts.push_back(std::move(record.text));
  chunk.ids.push_back(record.id.empty() ? std::to_string(lines_read_ - 1) : std::move(record.id));
}

TextChunk TextReader::read(std::size_t texts_max, std::size_t bytes_max) {
  TextChunk chunk;
  if (failure_) std::rethrow_exception(failure_);
  const std::uint64_t bytes_begin = file_.bytes_read();
  std::string line;
  try {
    while (chunk.texts.size() < texts_max && file_.bytes_read() - bytes_begin < bytes_max && read_line(line)) {
      add_line(line, chunk);
    }
  } catch (const Error&) {
    if (chunk.texts.empty()) throw;
    failure_ = std::current_exception();
  }
  chunk.bytes_end = file_.bytes_read();
  return chunk;
}

void TextReader::skip(std::size_t count) {
  std::string line;
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_line(line)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{} has {} texts, the output to resume has {}; they do not belong together", file_.name(),
                              lines_read_, count));
    }
  }
}

}  // namespace bgem3::cli
