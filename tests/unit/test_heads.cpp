#include "support/doctest_torch.h"

#include <vector>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>

#include "bgem3/layers/heads.h"

using namespace bgem3;

namespace {

LexicalWeights gather(const std::vector<std::int32_t>& ids, const std::vector<float>& weights) {
  return lexical_weights(ids, weights, SpecialTokens{});
}

}  // namespace

TEST_CASE("lexical weights keep the largest weight of an id, ascending") {
  CHECK((gather({0, 9, 5, 9, 2}, {1, 0.5F, 0.25F, 0.75F, 1}) == LexicalWeights{{5, 0.25F}, {9, 0.75F}}));
}

TEST_CASE("special tokens and zero weights are left out") {
  CHECK(gather({0, 1, 2, 3, 7}, {1, 1, 1, 1, 0}).empty());
  // <mask> is an ordinary token here, as in the reference.
  CHECK((gather({250001}, {0.5F}) == LexicalWeights{{250001, 0.5F}}));
}

TEST_CASE("token weights are never negative") {
  const Linear sparse{at::randn({1, 16}), at::randn({1})};
  const at::Tensor weights = token_weights(at::randn({50, 16}), sparse);
  CHECK(weights.dim() == 1);
  CHECK(weights.min().item<float>() == 0);
  CHECK(weights.max().item<float>() > 0);
}

TEST_CASE("the ColBERT projection keeps one row for each token") {
  const Linear colbert{at::randn({24, 16}), at::randn({24})};
  const at::Tensor vectors = colbert_projection(at::randn({5, 16}), colbert);
  CHECK(vectors.size(0) == 5);
  CHECK(vectors.size(1) == 24);
}
