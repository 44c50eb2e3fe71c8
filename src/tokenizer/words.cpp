#include "tokenizer/words.h"

#include <algorithm>

#include "text/utf8.h"

namespace bgem3 {
namespace {

constexpr std::string_view word_mark = "\xe2\x96\x81";  // ▁

bool is_plain_letter(char c) noexcept { return c > ' ' && c <= '~'; }

// Bytes of the white space at the beginning of `text`; 0 when another character is there.
std::size_t leading_space(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return utf8::is_white_space(lead) ? 1 : 0;
  // All white space outside ASCII begins with one of these.
  if (lead != 0xc2 && (lead < 0xe1 || lead > 0xe3)) return 0;
  const auto size = utf8::length(lead);
  if (size > text.size()) return 0;
  return utf8::is_white_space(utf8::decode(text.data(), size)) ? size : 0;
}

bool ends_word(std::string_view rest, bool at_start) noexcept {
  return leading_space(rest) != 0 || (!at_start && rest.starts_with(word_mark));
}

// Bytes up to the next word mark after the first character, or all.
std::size_t until_mark(std::string_view text) noexcept {
  const auto mark = text.find(word_mark, 1);
  return mark == std::string_view::npos ? text.size() : mark;
}

}  // namespace

std::string_view strip_right(std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && utf8::is_tail(text[last])) --last;
    if (leading_space(text.substr(last)) == 0) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view strip_left(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t space = leading_space(text);
    if (space == 0) break;
    text.remove_prefix(space);
  }
  return text;
}

bool WordSplitter::next(std::string& word) {
  return rule_ == WordRule::split_white_space ? next_between_spaces(word) : next_with_mark(word);
}

std::size_t WordSplitter::source(std::size_t at) const noexcept {
  if (at >= mark_bytes_) return taken_from_ + at - mark_bytes_;
  const bool is_of_spaces = rule_ == WordRule::merge_spaces && taken_from_ > 0;
  return is_of_spaces ? taken_from_ - 1 : taken_from_;
}

// `word` has the mark alone so far, if one was put before it.
void WordSplitter::take_word(std::size_t size, std::string& word) {
  size = std::min(size, rest_.size());
  taken_from_ = normal_.size() - rest_.size();
  mark_bytes_ = word.size();
  word.append(rest_, 0, size);
  rest_.remove_prefix(size);
}

// White space ends a word and is dropped. A word mark inside begins another one.
bool WordSplitter::next_between_spaces(std::string& word) {
  bool after_space = at_start_;
  at_start_ = false;
  while (!rest_.empty()) {
    const auto space = leading_space(rest_);
    if (space == 0) break;
    rest_.remove_prefix(space);
    after_space = true;
  }
  if (rest_.empty()) return false;
  std::size_t size = 0;
  while (size < rest_.size() && (is_plain_letter(rest_[size]) || !ends_word(rest_.substr(size), size == 0))) {
    size += utf8::length(static_cast<unsigned char>(rest_[size]));
  }
  word.clear();
  if (after_space && !rest_.starts_with(word_mark)) word = word_mark;
  take_word(size, word);
  return true;
}

// A run of spaces becomes one word mark, which begins the next word, even an empty one at the end.
bool WordSplitter::next_with_mark(std::string& word) {
  if (rest_.empty()) return false;
  word.clear();
  const bool starts_with_space = rest_.front() == ' ';
  if (starts_with_space || (at_start_ && !rest_.starts_with(word_mark))) word = word_mark;
  at_start_ = false;
  if (starts_with_space) rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
  const bool is_mark_alone = starts_with_space && (rest_.empty() || rest_.starts_with(word_mark));
  take_word(is_mark_alone ? 0 : std::min(rest_.find(' '), until_mark(rest_)), word);
  return true;
}

}  // namespace bgem3
