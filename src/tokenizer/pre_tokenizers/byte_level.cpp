#include "tokenizer/pre_tokenizers/byte_level.h"

#include <array>

#include "tokenizer/component_json.h"

namespace bgem3 {
namespace {

using detail::CodeRange;

#include "tokenizer/pre_tokenizers/byte_level_characters.inc"

// Bytes of the contraction with which a text begins that begins with an apostrophe, or 0.
std::size_t contraction(std::string_view text) noexcept {
  for (const std::string_view known : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.starts_with(known)) return known.size();
  }
  return 0;
}

}  // namespace

ByteLevel::Kind ByteLevel::find_kind(std::uint32_t code) {
  if (utf8::is_white_space(code)) return Kind::space;
  if (detail::find_range(letters, code) != nullptr) return Kind::letter;
  return detail::find_range(numbers, code) != nullptr ? Kind::number : Kind::other;
}

std::size_t ByteLevel::end_of_kind(std::string_view text, std::size_t at, Kind kind) const noexcept {
  while (at < text.size()) {
    const auto next = characters_.at(text, at);
    if (next.kind != kind) break;
    at += next.size;
  }
  return at;
}

// Of a run before other characters, the last white space is left to these.
std::size_t ByteLevel::white_space(std::string_view text, bool after_space) const noexcept {
  const std::size_t end = end_of_kind(text, 0, Kind::space);
  if (end == text.size()) return end;
  std::size_t last = end - 1;
  while (utf8::is_tail(text[last])) --last;
  return last == 0 && !after_space ? end : last;
}

// Bytes of the next word, of which `after_space` says that a space has been put before the text.
std::size_t ByteLevel::match(std::string_view text, bool after_space) const noexcept {
  if (text.front() == '\'' && !after_space) {
    if (const std::size_t size = contraction(text); size > 0) return size;
  }
  const bool takes_space = text.front() == ' ' && !after_space && text.size() > 1;
  const std::size_t begin = takes_space ? 1 : 0;
  const Kind kind = characters_.at(text, begin).kind;
  return kind == Kind::space ? white_space(text, after_space) : end_of_kind(text, begin, kind);
}

bool ByteLevel::next(WordCursor& cursor) const {
  const std::string_view text = cursor.rest;
  if (text.empty()) return false;
  // The space that is put before a text may be a word of its own, after which all of the text is still there.
  const bool is_first = text.size() == cursor.normal.size() && cursor.mark_bytes == 0;
  const bool is_marked = is_first && options_.add_prefix_space && text.front() != ' ';
  cursor.take(options_.use_regex ? match(text, is_marked) : text.size());
  if (is_marked) cursor.mark(" ", cursor.begin);
  return true;
}

// Of trim_offsets the post-processor has one of its own, which counts.
ByteLevel::Options read_byte_level(const detail::JsonObject& component) {
  ByteLevel::Options options;
  options.add_prefix_space = detail::required<bool>(component, "add_prefix_space");
  options.use_regex = component.get<bool>("use_regex").value_or(true);
  component.refuse_others(std::array{"type", "trim_offsets"});
  return options;
}

}  // namespace bgem3
