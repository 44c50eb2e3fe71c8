#include "support/doctest_torch.h"

#include <vector>

#include "bgem3/error.h"
#include "bgem3/scores.h"

using namespace bgem3;

TEST_CASE("dense score is the inner product") {
  CHECK(dense_score(std::vector<float>{1, 2, 3}, std::vector<float>{4, 5, 6}) == 32);
  const std::vector<float> many(1000, 0.5F);
  CHECK(dense_score(many, many) == 250);
  CHECK(dense_score({}, {}) == 0);
  CHECK_THROWS_WITH_AS((void)dense_score(many, std::vector<float>(999)),
                       "dense vectors of query and passage should have the same size, found 1000 and 999", Error);
}

TEST_CASE("sparse score counts shared ids only") {
  const LexicalWeights query = {{5, 0.5F}, {9, 1.0F}, {12, 2.0F}};
  const LexicalWeights passage = {{4, 3.0F}, {9, 0.25F}, {12, 0.5F}, {80, 1.0F}};
  CHECK(sparse_score(query, passage) == doctest::Approx(1.25));
  CHECK(sparse_score(query, {}) == 0);
}

TEST_CASE("ColBERT score averages the best match of each query row") {
  const std::vector<float> query = {1, 0, 0, 1}, passage = {0.5F, 0.1F, 0.25F, 0.75F, -1, -1};
  const MatrixView two(query.data(), 2, 2), three(passage.data(), 3, 2);
  CHECK(colbert_score(two, three) == doctest::Approx((0.5 + 0.75) / 2));
  CHECK(colbert_score(Matrix(0, 2), three) == 0);
  CHECK_THROWS_WITH_AS((void)colbert_score(two, {passage.data(), 2, 3}),
                       "ColBERT vectors of query and passage should have the same size, found 2 and 3", Error);
}

TEST_CASE("ColBERT score of more rows than are multiplied at once") {
  Matrix query(1000, 3), passage(1, 3);
  for (std::size_t i = 0; i < query.rows(); ++i) query(i, 0) = query(i, 1) = query(i, 2) = static_cast<float>(i);
  passage(0, 0) = passage(0, 1) = passage(0, 2) = 1;
  CHECK(colbert_score(query, passage) == doctest::Approx(3 * 999 / 2.0));
}

TEST_CASE("combined scores are weighted means") {
  const Scores scores = combine_scores(0.8F, 0.2F, 0.6F, {.dense = 2, .sparse = 1, .colbert = 1});
  CHECK(scores.sparse_dense == doctest::Approx((0.2 + 1.6) / 3));
  CHECK(scores.colbert_sparse_dense == doctest::Approx((0.6 + 0.2 + 1.6) / 4));
}
