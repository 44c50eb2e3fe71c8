#pragma once

#include <optional>

#include <ATen/ops/embedding.h>

#include "bgem3/kernels/cuda_ops.h"
#include "bgem3/layers/layer_norm.h"
#include "bgem3/tensors/packed_batch.h"

namespace bgem3 {

struct InputEmbeddingWeights {
  at::Tensor word;        // [V, D]
  at::Tensor position;    // [position rows, D]
  at::Tensor token_type;  // [token types, D]
  LayerNorm norm;
};

/// Sum of word, position and token type embeddings, normalised: ids [N] → hidden states [N, D] of `dtype`, on
/// the device of the batch, which has to be that of the weights.
inline at::Tensor embed_input(const PackedBatch& batch, const InputEmbeddingWeights& weights, double eps,
                              at::ScalarType dtype = at::kFloat) {
  const bool has_types = batch.types.defined();
  if (detail::on_gpu(batch.ids)) {
    const auto types = has_types ? std::optional(batch.types) : std::nullopt;
    return detail::CudaOps::get().embed_layer_norm(batch.ids, batch.positions, types, weights.word, weights.position,
                                                   weights.token_type, weights.norm.weight, weights.norm.bias, eps,
                                                   dtype);
  }
  at::Tensor hidden = at::embedding(weights.word, batch.ids);
  hidden.add_(has_types ? at::embedding(weights.token_type, batch.types) : weights.token_type[0]);
  hidden.add_(at::embedding(weights.position, batch.positions));
  return layer_norm(hidden, weights.norm, eps).to(dtype);
}

}  // namespace bgem3
