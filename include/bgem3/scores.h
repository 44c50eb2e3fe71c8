#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "bgem3/embeddings.h"
#include "bgem3/export.h"

namespace bgem3 {

/// Relevance of a passage to a query, as FlagEmbedding's BGEM3FlagModel.compute_score defines the five kinds.

/// Inner product of two dense vectors [D], such as rows of Embeddings::dense; the cosine when both are normalised.
/// @throws Error invalid_argument for vectors of different sizes
BGEM3_API float dense_score(std::span<const float> query, std::span<const float> passage);

/// Sum over the tokens that both texts have of the product of their weights. Both lists ascend by id.
inline float sparse_score(const LexicalWeights& query, const LexicalWeights& passage) {
  float score = 0;
  auto q = query.begin();
  auto p = passage.begin();
  while (q != query.end() && p != passage.end()) {
    if (q->id == p->id) {
      score += q++->weight * p++->weight;
    } else if (q->id < p->id) {
      ++q;
    } else {
      ++p;
    }
  }
  return score;
}

/// The k largest weights, still ascending by id; all of them for k = 0. Indexes limit how many they take (pgvector's
/// HNSW: 1000).
inline LexicalWeights top_weights(LexicalWeights weights, std::size_t k) {
  if (k == 0 || weights.size() <= k) return weights;
  const auto kept = weights.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(weights.begin(), kept, weights.end(),
                   [](const TokenWeight& a, const TokenWeight& b) { return a.weight > b.weight; });
  weights.erase(kept, weights.end());
  std::sort(weights.begin(), weights.end(), [](const TokenWeight& a, const TokenWeight& b) { return a.id < b.id; });
  return weights;
}

/// Late interaction: for each query row [nq, C] its best inner product among the passage rows [np, C], averaged over
/// the query rows. Zero when either has no rows.
/// @throws Error invalid_argument for rows of different sizes
BGEM3_API float colbert_score(MatrixView query, MatrixView passage);

/// Shares of the three kinds in the combined scores.
struct ScoreWeights {
  float dense = 1;
  float sparse = 1;
  float colbert = 1;
};

/// The five scores of one pair.
struct Scores {
  float dense = 0;
  float sparse = 0;
  float colbert = 0;
  float sparse_dense = 0;          ///< weighted mean of sparse and dense ("sparse+dense")
  float colbert_sparse_dense = 0;  ///< weighted mean of all three ("colbert+sparse+dense")
};

/// Fills the weighted means from the three basic scores; where the weights of a mean add up to 0 it is NaN.
inline Scores combine_scores(float dense, float sparse, float colbert, const ScoreWeights& w = {}) {
  const float two = dense * w.dense + sparse * w.sparse;
  const float three = two + colbert * w.colbert;
  return {dense, sparse, colbert, two / (w.dense + w.sparse), three / (w.dense + w.sparse + w.colbert)};
}

/// All five scores of text `i` of `queries` with text `j` of `passages`, which must be there; both must hold all three
/// kinds.
inline Scores compute_scores(const Embeddings& queries, std::size_t i, const Embeddings& passages, std::size_t j,
                             const ScoreWeights& weights = {}) {
  return combine_scores(dense_score(queries.dense.row(i), passages.dense.row(j)),
                        sparse_score(queries.sparse[i], passages.sparse[j]),
                        colbert_score(queries.colbert[i], passages.colbert[j]), weights);
}

}  // namespace bgem3
