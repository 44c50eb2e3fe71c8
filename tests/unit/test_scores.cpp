#include <doctest/doctest.h>

#include "bgem3/scores.h"

using namespace bgem3;

TEST_CASE("dense score is the inner product") {
  Eigen::RowVectorXf a(3), b(3);
  a << 1, 2, 3;
  b << 4, 5, 6;
  CHECK(dense_score(a, b) == 32);
}

TEST_CASE("sparse score counts shared ids only") {
  const LexicalWeights query = {{5, 0.5F}, {9, 1.0F}, {12, 2.0F}};
  const LexicalWeights passage = {{4, 3.0F}, {9, 0.25F}, {12, 0.5F}, {80, 1.0F}};
  CHECK(sparse_score(query, passage) == doctest::Approx(1.25));
  CHECK(sparse_score(query, {}) == 0);
}

TEST_CASE("ColBERT score averages the best match of each query row") {
  Matrix query(2, 2), passage(3, 2);
  query << 1, 0, 0, 1;
  passage << 0.5F, 0.1F, 0.25F, 0.75F, -1, -1;
  CHECK(colbert_score(query, passage) == doctest::Approx((0.5 + 0.75) / 2));
  CHECK(colbert_score(Matrix(0, 2), passage) == 0);
}

TEST_CASE("combined scores are weighted means") {
  const Scores scores = combine_scores(0.8F, 0.2F, 0.6F, {.dense = 2, .sparse = 1, .colbert = 1});
  CHECK(scores.sparse_dense == doctest::Approx((0.2 + 1.6) / 3));
  CHECK(scores.colbert_sparse_dense == doctest::Approx((0.6 + 0.2 + 1.6) / 4));
}
