#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

namespace bgem3::test {

// What the operators of libbgem3_cuda compute, by ATen in double precision on the CPU.

inline at::Tensor in_double(const at::Tensor& tensor) { return tensor.to(at::kCPU).to(at::kDouble); }

inline at::Tensor reference_layer_norm(const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& bias,
                                       double eps) {
  return at::layer_norm(sum, {sum.size(1)}, in_double(weight), in_double(bias), eps);
}

inline at::Tensor reference_add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual,
                                           const at::Tensor& weight, const at::Tensor& bias, double eps) {
  return reference_layer_norm(in_double(hidden).add(in_double(residual)), weight, bias, eps);
}

inline at::Tensor reference_embed_layer_norm(const at::Tensor& ids, const at::Tensor& positions,
                                             const std::optional<at::Tensor>& types, const at::Tensor& word,
                                             const at::Tensor& position, const at::Tensor& token_type,
                                             const at::Tensor& weight, const at::Tensor& bias, double eps) {
  const at::Tensor words = at::embedding(in_double(word), ids.to(at::kCPU));
  const at::Tensor places = at::embedding(in_double(position), positions.to(at::kCPU));
  const at::Tensor rows = types ? types->to(at::kCPU) : at::zeros({ids.numel()}, at::kLong);
  return reference_layer_norm(words.add(places).add(at::embedding(in_double(token_type), rows)), weight, bias, eps);
}

inline at::Tensor reference_truncate_normalize(const at::Tensor& hidden, const std::optional<at::Tensor>& index,
                                               int64_t size, bool normalize) {
  at::Tensor rows = in_double(hidden).narrow(1, 0, size);
  if (index) rows = rows.index_select(0, index->to(at::kCPU));
  if (!normalize) return rows;
  return rows.div(at::linalg_vector_norm(rows, 2, /*dim=*/{1}, /*keepdim=*/true).clamp_min(1e-12));
}

inline at::Tensor reference_token_weights(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias) {
  return at::matmul(in_double(hidden), in_double(weight)[0]).add_(in_double(bias)).relu_();
}

/// query [Nq, H, d], key and value [N, H, d], offsets [B + 1] → [Nq, H, d]
inline at::Tensor reference_attention(const at::Tensor& query, const at::Tensor& query_offsets, const at::Tensor& key,
                                      const at::Tensor& value, const at::Tensor& key_offsets) {
  const at::Tensor rows = query_offsets.to(at::kCPU), keys = key_offsets.to(at::kCPU);
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(2)));
  std::vector<at::Tensor> texts;
  for (int64_t text = 0; text + 1 < rows.size(0); ++text) {
    const auto part = [&](const at::Tensor& tensor, const at::Tensor& offsets) {
      const auto begin = offsets[text].item<int64_t>();
      return in_double(tensor.narrow(0, begin, offsets[text + 1].item<int64_t>() - begin)).transpose(0, 1);
    };
    const at::Tensor scores = at::matmul(part(query, rows), part(key, keys).transpose(1, 2)).mul_(scale);
    texts.push_back(at::matmul(scores.softmax(-1), part(value, keys)).transpose(0, 1));
  }
  return at::cat(texts);
}

/// Largest difference between results and a reference in double, after rounding of the results to their dtype.
inline double difference(const at::Tensor& found, const at::Tensor& expected) {
  return in_double(found).sub(expected).abs().max().item<double>();
}

/// What rounding of numbers of size 1 to 4 may cost.
inline double tolerance(at::ScalarType dtype) {
  if (dtype == at::kFloat) return 1e-5;
  return dtype == at::kHalf ? 4e-3 : 3e-2;
}

}  // namespace bgem3::test
