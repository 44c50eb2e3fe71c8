#pragma once

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// Words that begin with "▁" (U+2581). Source: tokenizers, Metaspace with "▁" prepended always.
class Metaspace final : public PreTokenizer {
 public:
  enum class Rule {
    split_white_space,  ///< White space ends a word and vanishes: WhitespaceSplit comes before it.
    mark_spaces         ///< Each space becomes a mark, which begins a word, even an empty one.
  };

  explicit Metaspace(Rule rule) noexcept : rule_(rule) {}

  bool next(WordCursor& cursor) const override;

 private:
  Rule rule_;
};

/// The rule of these steps of tokenizer.json; nothing for others.
std::optional<Metaspace::Rule> read_metaspace(const std::vector<nlohmann::json>& steps);

}  // namespace bgem3
