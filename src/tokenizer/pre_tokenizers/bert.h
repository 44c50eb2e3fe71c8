#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// Words between white space, each punctuation character a word of its own. Source: tokenizers, BertPreTokenizer.
class BertPreTokenizer final : public PreTokenizer {
 public:
  BertPreTokenizer();

  bool next(WordCursor& cursor) const override;

 private:
  enum class Kind : std::uint8_t { letter, space, punctuation };
  struct Character {
    Kind kind;
    std::size_t size;
  };

  static Kind find_kind(std::uint32_t code) noexcept;
  [[nodiscard]] Character character_at(std::string_view text, std::size_t at) const noexcept;

  std::vector<Kind> kinds_;  // by code point, basic multilingual plane
};

}  // namespace bgem3
