#include "cli/text_reader.h"

#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/interrupt.h"
#include "cli/message.h"

namespace bgem3::cli {

TextReader::TextReader(const InputOptions& options)
    : file_(options.path),
      input_(file_, file_.name(), options),
      stops_(options.on_error == "stop"),
      keeps_null_(options.on_error == "null"),
      pairs_(options.pairs) {}

std::uint64_t TextReader::bytes_done() const noexcept {
  return input_.bytes_used(file_.bytes_read(), file_.bytes_total());
}

std::string TextReader::describe_fault() const {
  return fmt::format("{}, {} {}: {}", input_.name(), input_.unit(), record_.line, record_.fault);
}

void TextReader::tell_fault() const {
  constexpr std::uint64_t told_max = 10;
  if (records_bad_ > told_max) return;
  const char* const more = records_bad_ == told_max ? " (no more of them are named)" : "";
  tell("warning: {}; {}{}", describe_fault(), keeps_null_ ? "null in its place" : "left out", more);
}

// The next record that counts; false at the end.
bool TextReader::next() {
  while (input_.next(record_)) {
    ++records_read_;
    if (record_.fault.empty()) return true;
    if (stops_) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}. --on-error skip goes on without such records", describe_fault()));
    }
    ++records_bad_;
    tell_fault();
    if (keeps_null_) return true;
  }
  return false;
}

void TextReader::take(TextChunk& chunk) {
  chunk.ids.push_back(record_.id.empty() ? std::to_string(records_read_ - 1) : std::move(record_.id));
  if (record_.fault.empty()) {
    chunk.texts.push_back(std::move(record_.text));
    if (pairs_) chunk.queries.push_back(std::move(record_.query));
  } else {
    chunk.null.push_back(chunk.ids.size() - 1);
  }
}

TextChunk TextReader::read(std::size_t texts_max, std::size_t bytes_max) {
  TextChunk chunk;
  if (failure_) std::rethrow_exception(failure_);
  std::size_t bytes = 0;
  try {
    while (chunk.ids.size() < texts_max && bytes < bytes_max && next()) {
      bytes += record_.text.size() + record_.query.size() + 1;
      take(chunk);
    }
  } catch (const Error&) {
    if (chunk.ids.empty()) throw;
    failure_ = std::current_exception();
  }
  chunk.bytes_end = bytes_done();
  return chunk;
}

void TextReader::expect_good_records() const {
  if (records_bad_ == 0 || records_bad_ != records_read_ || Interrupt::signal() != 0) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}: all {} records were bad; see the first of them above", input_.name(), records_bad_));
}

void TextReader::tell_bad_records() const {
  expect_good_records();
  if (records_bad_ == 0) return;
  tell("{} of {} records were bad and {}", records_bad_, records_read_,
       keeps_null_ ? "have null in their place" : "were left out");
}

}  // namespace bgem3::cli
