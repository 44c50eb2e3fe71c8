#pragma once

#include "support/doctest_torch.h"

#include <cmath>
#include <span>

#include "bgem3/bgem3.h"
#include "bgem3/eigen.h"

namespace bgem3::test {

/// Dense, sparse and ColBERT.
inline EncodeOptions all_kinds() {
  EncodeOptions options;
  options.sparse = options.colbert = true;
  return options;
}

inline double max_difference(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  return a.empty() ? 0 : (as_eigen(a) - as_eigen(b)).cwiseAbs().maxCoeff();
}

inline double max_difference(const Matrix& a, const Matrix& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return max_difference(std::span(a.data(), a.size()), std::span(b.data(), b.size()));
}

/// Of row with row; they have length one.
inline double smallest_cosine(const Matrix& a, const Matrix& b) {
  return as_eigen(a).cwiseProduct(as_eigen(b)).rowwise().sum().minCoeff();
}

inline void check_close(const LexicalWeights& found, const LexicalWeights& expected, double tolerance) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].id == expected[i].id);
    CHECK(std::abs(found[i].weight - expected[i].weight) <= tolerance);
  }
}

/// All kinds that `expected` has. Lexical weights, which are not of length one, may differ by `weights` times more.
inline void check_close(const Embeddings& found, const Embeddings& expected, double tolerance, double weights = 1) {
  CHECK(max_difference(found.dense, expected.dense) <= tolerance);
  CHECK(found.token_counts == expected.token_counts);
  REQUIRE(found.colbert.size() == expected.colbert.size());
  REQUIRE(found.sparse.size() == expected.sparse.size());
  for (std::size_t i = 0; i < found.colbert.size(); ++i) {
    CHECK(max_difference(found.colbert[i], expected.colbert[i]) <= tolerance);
  }
  for (std::size_t i = 0; i < found.sparse.size(); ++i) {
    check_close(found.sparse[i], expected.sparse[i], weights * tolerance);
  }
}

}  // namespace bgem3::test
