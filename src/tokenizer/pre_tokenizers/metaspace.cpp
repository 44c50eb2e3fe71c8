#include "tokenizer/pre_tokenizers/metaspace.h"

#include <algorithm>

#include "text/utf8.h"
#include "text/white_space.h"
#include "tokenizer/component_json.h"

namespace bgem3 {
namespace {

constexpr std::string_view word_mark = "\xe2\x96\x81";  // ▁

bool is_plain_letter(char c) noexcept { return c > ' ' && c <= '~'; }

bool ends_word(std::string_view rest, bool at_start) noexcept {
  return leading_space(rest) != 0 || (!at_start && rest.starts_with(word_mark));
}

// Bytes up to the next word mark after the first character, or all.
std::size_t until_mark(std::string_view text) noexcept {
  const auto mark = text.find(word_mark, 1);
  return mark == std::string_view::npos ? text.size() : mark;
}

bool has_just_begun(const WordCursor& cursor) noexcept { return cursor.rest.size() == cursor.normal.size(); }

// White space ends a word and is dropped. A word mark inside begins another one.
bool next_between_spaces(WordCursor& cursor) {
  bool after_space = has_just_begun(cursor);
  auto& rest = cursor.rest;
  while (!rest.empty()) {
    const auto space = leading_space(rest);
    if (space == 0) break;
    rest.remove_prefix(space);
    after_space = true;
  }
  if (rest.empty()) return false;
  std::size_t size = 0;
  while (size < rest.size() && (is_plain_letter(rest[size]) || !ends_word(rest.substr(size), size == 0))) {
    size += utf8::length(static_cast<unsigned char>(rest[size]));
  }
  const bool is_marked = after_space && !rest.starts_with(word_mark);
  cursor.take(size);
  if (is_marked) cursor.mark(word_mark, cursor.begin);
  return true;
}

// A space becomes a word mark, which begins the next word, even an empty one. It stands where the space was, one that
// is put before a word where that begins.
bool next_with_mark(WordCursor& cursor) {
  auto& rest = cursor.rest;
  if (rest.empty()) return false;
  const bool is_first = has_just_begun(cursor);
  const bool starts_with_space = rest.front() == ' ';
  if (starts_with_space) rest.remove_prefix(1);
  const bool is_mark_alone = starts_with_space && (rest.empty() || rest.starts_with(word_mark) || rest.front() == ' ');
  const bool is_marked = starts_with_space || (is_first && !rest.starts_with(word_mark));
  cursor.take(is_mark_alone ? 0 : std::min({rest.find(' '), until_mark(rest), rest.size()}));
  if (is_marked) cursor.mark(word_mark, starts_with_space ? cursor.begin - 1 : cursor.begin);
  return true;
}

bool is_metaspace(const nlohmann::json& step) {
  const auto& scheme = detail::member(step, "prepend_scheme");
  const bool always = scheme == "always" || (scheme.is_null() && detail::member(step, "add_prefix_space") == true);
  return detail::type_of(step) == "Metaspace" && detail::member(step, "replacement") == "▁" && always &&
         detail::member(step, "split") != false;
}

}  // namespace

bool Metaspace::next(WordCursor& cursor) const {
  return rule_ == Rule::split_white_space ? next_between_spaces(cursor) : next_with_mark(cursor);
}

std::optional<Metaspace::Rule> read_metaspace(const std::vector<nlohmann::json>& steps) {
  if (steps.empty() || steps.size() > 2 || !is_metaspace(steps.back())) return std::nullopt;
  if (steps.size() == 1) return Metaspace::Rule::mark_spaces;
  return detail::type_of(steps[0]) == "WhitespaceSplit" ? std::optional(Metaspace::Rule::split_white_space)
                                                        : std::nullopt;
}

}  // namespace bgem3
