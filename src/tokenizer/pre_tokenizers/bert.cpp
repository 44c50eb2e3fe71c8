#include "tokenizer/pre_tokenizers/bert.h"

#include "text/utf8.h"
#include "tokenizer/normalizers/bert_characters.h"

namespace bgem3 {
namespace {

constexpr std::uint32_t table_size = 0x10000;

}  // namespace

BertPreTokenizer::BertPreTokenizer() : kinds_(table_size) {
  for (std::uint32_t code = 0; code < table_size; ++code) kinds_[code] = find_kind(code);
}

BertPreTokenizer::Kind BertPreTokenizer::find_kind(std::uint32_t code) noexcept {
  if (utf8::is_white_space(code)) return Kind::space;
  return detail::find_range(detail::punctuation, code) != nullptr ? Kind::punctuation : Kind::letter;
}

BertPreTokenizer::Character BertPreTokenizer::character_at(std::string_view text, std::size_t at) const noexcept {
  const std::size_t size = utf8::length(static_cast<unsigned char>(text[at]));
  const std::uint32_t code = utf8::decode(text.data() + at, size);
  return {code < table_size ? kinds_[code] : find_kind(code), size};
}

bool BertPreTokenizer::next(WordCursor& cursor) const {
  const std::string_view text = cursor.rest;
  std::size_t begin = 0;
  Character first{Kind::space, 0};
  while (begin < text.size()) {
    first = character_at(text, begin);
    if (first.kind != Kind::space) break;
    begin += first.size;
  }
  if (begin == text.size()) return false;
  std::size_t end = begin + first.size;
  while (first.kind == Kind::letter && end < text.size()) {
    const auto [kind, size] = character_at(text, end);
    if (kind != Kind::letter) break;
    end += size;
  }
  cursor.rest.remove_prefix(begin);
  cursor.take(end - begin);
  return true;
}

}  // namespace bgem3
