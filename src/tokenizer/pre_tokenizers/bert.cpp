#include "tokenizer/pre_tokenizers/bert.h"

#include "tokenizer/normalizers/bert_characters.h"

namespace bgem3 {

BertPreTokenizer::Kind BertPreTokenizer::find_kind(std::uint32_t code) {
  if (utf8::is_white_space(code)) return Kind::space;
  return detail::find_range(detail::punctuation, code) != nullptr ? Kind::punctuation : Kind::letter;
}

bool BertPreTokenizer::next(WordCursor& cursor) const {
  const std::string_view text = cursor.rest;
  std::size_t begin = 0;
  Characters::Character first{Kind::space, 0};
  while (begin < text.size()) {
    first = characters_.at(text, begin);
    if (first.kind != Kind::space) break;
    begin += first.size;
  }
  if (begin == text.size()) return false;
  std::size_t end = begin + first.size;
  while (first.kind == Kind::letter && end < text.size()) {
    const auto [kind, size] = characters_.at(text, end);
    if (kind != Kind::letter) break;
    end += size;
  }
  cursor.rest.remove_prefix(begin);
  cursor.take(end - begin);
  return true;
}

}  // namespace bgem3
