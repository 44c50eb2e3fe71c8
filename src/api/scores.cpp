#include "bgem3/scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "bgem3/similarity.h"
#include "model/errors.h"
#include "model/thread_count.h"

namespace bgem3 {
namespace {

void check_sizes(const char* what, std::size_t query, std::size_t passage) {
  if (query == passage) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} of query and passage should have the same size, found {} and {}", what, query, passage));
}

at::Tensor tensor_of(MatrixView rows) {
  // Nothing writes to it.
  return at::from_blob(const_cast<float*>(rows.data()),
                       {static_cast<std::int64_t>(rows.rows()), static_cast<std::int64_t>(rows.cols())}, at::kFloat);
}

}  // namespace

float dense_score(std::span<const float> query, std::span<const float> passage) {
  check_sizes("dense vectors", query.size(), passage.size());
  // Sums beside each other, which the compiler keeps in vectors.
  std::array<float, 16> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= query.size(); i += sums.size()) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += query[i + k] * passage[i + k];
  }
  for (; i < query.size(); ++i) sums[i % sums.size()] += query[i] * passage[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0F);
}

float similarity_score(Similarity similarity, std::span<const float> a, std::span<const float> b) {
  static constexpr float norm_min = 1e-12F;
  const auto norm = [](std::span<const float> v) { return std::max(std::sqrt(dense_score(v, v)), norm_min); };
  if (similarity == Similarity::dot) return dense_score(a, b);
  if (similarity == Similarity::cosine) return dense_score(a, b) / (norm(a) * norm(b));
  check_sizes("dense vectors", a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    sum += similarity == Similarity::manhattan ? difference : difference * difference;
  }
  return static_cast<float>(-(similarity == Similarity::manhattan ? sum : std::sqrt(sum)));
}

float colbert_score(MatrixView query, MatrixView passage) {
  if (query.rows() == 0 || passage.rows() == 0) return 0;
  check_sizes("ColBERT vectors", query.cols(), passage.cols());
  return translate_errors([&] {
    const c10::InferenceMode no_autograd;
    const ThreadCount threads(ThreadCount::usable(0));
    const at::Tensor passage_columns = tensor_of(passage).t();
    constexpr std::int64_t rows = 256;  // the products of two texts of 8192 tokens would take 268 MB
    double sum = 0;
    for (const at::Tensor& part : tensor_of(query).split(rows)) {
      sum += at::matmul(part, passage_columns).amax(1).sum(at::kDouble).item<double>();
    }
    return static_cast<float>(sum / static_cast<double>(query.rows()));
  });
}

}  // namespace bgem3
