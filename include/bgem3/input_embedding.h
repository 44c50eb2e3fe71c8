#pragma once

#include <ATen/ops/embedding.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>

#include "bgem3/detail/cpu_layer_norm.h"
#include "bgem3/detail/cuda_layer.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Layer normalisation over the last dimension, with statistics in float32: hidden [N, D], float32 or bfloat16 on the
/// CPU, → `output` [N, D] of its dtype, contiguous, which may be `hidden`. The norm is float32.
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

/// Sum of word, position and token type 0 embeddings, normalised: ids [N] → hidden states [N, D] of `dtype`, on
/// the device of the batch, which has to be that of the weights.
inline at::Tensor embed_input(const PackedBatch& batch, const InputEmbeddingWeights& weights, double eps,
                              at::ScalarType dtype = at::kFloat) {
  if (batch.ids.is_cuda()) return detail::cuda_embed_input(batch, weights, eps, dtype);
  at::Tensor hidden = at::embedding(weights.word, batch.ids);
  hidden.add_(weights.token_type[0]);
  hidden.add_(at::embedding(weights.position, batch.positions));
  return layer_norm(hidden, weights.norm, eps).to(dtype);
}

}  // namespace bgem3
