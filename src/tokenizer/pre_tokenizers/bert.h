#pragma once

#include <cstdint>

#include "tokenizer/code_table.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// Words between white space, each punctuation character a word of its own. Source: tokenizers, BertPreTokenizer.
class BertPreTokenizer final : public PreTokenizer {
 public:
  bool next(WordCursor& cursor) const override;

 private:
  enum class Kind : std::uint8_t { letter, space, punctuation };
  using Characters = detail::CodeTable<Kind>;

  static Kind find_kind(std::uint32_t code);

  Characters characters_{find_kind};
};

}  // namespace bgem3
