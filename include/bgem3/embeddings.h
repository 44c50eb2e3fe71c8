#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bgem3/matrix.h"

namespace bgem3 {

/// One token of a sparse vector.
struct TokenWeight {
  std::int32_t id;  ///< vocabulary id
  float weight;     ///< > 0

  friend bool operator==(const TokenWeight&, const TokenWeight&) = default;
};

/// Lexical weights of one text: each id at most once, ascending by id, special tokens left out.
using LexicalWeights = std::vector<TokenWeight>;

/// What Embedder::encode returns for B texts. Kinds that were not asked for are empty.
struct Embeddings {
  Matrix dense;                           ///< [B, D], one row per text
  std::vector<LexicalWeights> sparse;     ///< B entries
  std::vector<Matrix> colbert;            ///< B matrices [n - 1, C]: one normalised row per token after `<s>`
  std::vector<std::size_t> token_counts;  ///< B entries: n after truncation, `<s>` and `</s>` included
};

}  // namespace bgem3
