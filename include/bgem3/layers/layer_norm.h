#pragma once

#include <utility>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>

#include "bgem3/kernels/cpu_layer_norm.h"
#include "bgem3/kernels/cuda_ops.h"
#include "bgem3/layers/linear.h"

namespace bgem3 {

/// float32, whatever the hidden states are.
struct LayerNorm {
  at::Tensor weight;  // [D]
  at::Tensor bias;    // [D]
};

/// Layer normalisation over the last dimension, with statistics in float32: hidden [N, D], float32 or bfloat16 on the
/// CPU, → `output` [N, D] of its dtype, contiguous, which may be `hidden`.
/// @throws c10::Error where they do not fit together
inline void layer_norm_into(at::Tensor output, const at::Tensor& hidden, const LayerNorm& norm, double eps) {
  if (detail::cpu_layer_norm_takes(hidden)) {
    detail::cpu_layer_norm(hidden, norm.weight, norm.bias, eps, output);
  } else {
    output.copy_(at::layer_norm(hidden, norm.weight.sizes(), norm.weight, norm.bias, eps));
  }
}

/// layer_norm_into() a new tensor.
inline at::Tensor layer_norm(const at::Tensor& hidden, const LayerNorm& norm, double eps) {
  if (!detail::cpu_layer_norm_takes(hidden)) {
    return at::layer_norm(hidden, norm.weight.sizes(), norm.weight, norm.bias, eps);
  }
  at::Tensor output = at::empty_like(hidden);
  detail::cpu_layer_norm(hidden, norm.weight, norm.bias, eps, output);
  return output;
}

namespace detail {

/// layer_norm(hidden + residual) on a GPU, in e4m3, too, where that is what the `next_reads` reads.
inline Rows cuda_add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual, const LayerNorm& norm, double eps,
                                RoundedDtype next_reads) {
  const CudaOps& ops = CudaOps::get();
  if (next_reads != at::kFloat8_e4m3fn) return {ops.add_layer_norm(hidden, residual, norm.weight, norm.bias, eps)};
  auto [rows, values, scale] = ops.add_layer_norm_quantize(hidden, residual, norm.weight, norm.bias, eps);
  return {std::move(rows), RoundedRows{std::move(values), std::move(scale)}};
}

}  // namespace detail

/// layer_norm(linear(input) + residual) [N, D]. The sum is made within the product on the CPU, within the norm on a
/// GPU. `next_reads`: what the next product reads. `output` [N, D]: where the rows go, a new tensor when undefined; on
/// a GPU always that.
inline Rows linear_add_norm(const Rows& input, const at::Tensor& residual, const Linear& layer, const LayerNorm& norm,
                            double eps, RoundedDtype next_reads = std::nullopt, at::Tensor output = {}) {
  if (detail::on_gpu(residual)) {
    return detail::cuda_add_layer_norm(layer.apply(input).plain, residual, norm, eps, next_reads);
  }
  const at::Tensor sum = layer.apply(input, {.residual = residual}).plain;
  if (!output.defined()) return {layer_norm(sum, norm, eps)};
  layer_norm_into(output, sum, norm, eps);
  return {std::move(output)};
}

}  // namespace bgem3
