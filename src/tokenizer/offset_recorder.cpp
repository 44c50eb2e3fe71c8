#include "tokenizer/offset_recorder.h"

#include <algorithm>

#include "text/utf8.h"

namespace bgem3 {
namespace {

constexpr std::uint32_t byte_level_space = 0x120;  // Ġ, which stands for a space in byte-level vocabularies

bool is_trimmed(std::string_view character) noexcept {
  const std::uint32_t code_point = utf8::decode(character.data(), character.size());
  return code_point == byte_level_space || utf8::is_white_space(code_point);
}

// Where the character ends that begins at `begin`.
std::size_t next_character(std::string_view text, std::size_t begin) noexcept {
  return begin + utf8::length(static_cast<unsigned char>(text[begin]));
}

// Where the character begins that ends at `end`.
std::size_t previous_character(std::string_view text, std::size_t end) noexcept {
  do --end;
  while (end > 0 && utf8::is_tail(text[end]));
  return end;
}

std::size_t leading_spaces(std::string_view token) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < token.size(); ++count) {
    const std::size_t end = next_character(token, at);
    if (!is_trimmed(token.substr(at, end - at))) break;
    at = end;
  }
  return count;
}

std::size_t trailing_spaces(std::string_view token) noexcept {
  std::size_t count = 0;
  for (std::size_t end = token.size(); end > 0; ++count) {
    const std::size_t at = previous_character(token, end);
    if (!is_trimmed(token.substr(at, end - at))) break;
    end = at;
  }
  return count;
}

// As tokenizers, which takes as many characters off the place as the token has white space, whatever they are.
void trim(std::string_view token, OffsetTrim how, bool is_first, std::string_view text, TokenOffsets& offsets) {
  std::size_t leading = leading_spaces(token);
  if (how.keeps_first_space && leading == 1 && (is_first || offsets.begin == 0)) leading = 0;
  for (; leading > 0 && offsets.begin < offsets.end; --leading) offsets.begin = next_character(text, offsets.begin);
  std::size_t trailing = trailing_spaces(token);
  std::size_t end = offsets.end;
  for (; trailing > 0 && end > 0; --trailing) end = previous_character(text, end);
  if (trailing == 0) offsets.end = std::max(end, offsets.begin);
}

}  // namespace

std::size_t OffsetRecorder::end_of_character(std::size_t begin) const noexcept { return next_character(text_, begin); }

void OffsetRecorder::add(std::string_view token, TokenOffsets offsets) {
  constexpr std::size_t first = 1;  // after <s>
  if (trim_) trim(token, *trim_, offsets_.size() == first, text_, offsets);
  offsets_.push_back(offsets);
}

void OffsetRecorder::add_token(std::size_t begin, std::size_t end) {
  add(text_.substr(begin, end - begin), {begin, end, words_++});
}

void OffsetRecorder::add_normal_token(std::string_view normal, std::size_t begin, std::size_t end) {
  add(normal.substr(begin, end - begin), {alignment_[begin], end_of_character(alignment_[end - 1]), words_++});
}

void OffsetRecorder::add_word(std::string_view word, const WordSplitter& splitter, std::size_t begin) {
  std::size_t token = 0;  // where it begins in the word
  for (const std::size_t end : ends_) {
    const std::size_t first = alignment_[begin + splitter.source(token)];
    const std::size_t last = alignment_[begin + splitter.source(end - 1)];
    add(word.substr(token, end - token), {first, end_of_character(last), words_});
    token = end;
  }
  ends_.clear();
  ++words_;
}

}  // namespace bgem3
