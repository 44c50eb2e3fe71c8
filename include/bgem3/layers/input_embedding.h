#pragma once

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

/// Sum of word, position and token type 0 embeddings, normalised: ids [N] → hidden states [N, D] of `dtype`, on
/// the device of the batch, which has to be that of the weights.
inline at::Tensor embed_input(const PackedBatch& batch, const InputEmbeddingWeights& weights, double eps,
                              at::ScalarType dtype = at::kFloat) {
  const at::Tensor token_type = weights.token_type[0];
  if (detail::on_gpu(batch.ids)) {
    return detail::CudaOps::get().embed_layer_norm(batch.ids, batch.positions, weights.word, weights.position,
                                                   token_type, weights.norm.weight, weights.norm.bias, eps, dtype);
  }
  at::Tensor hidden = at::embedding(weights.word, batch.ids);
  hidden.add_(token_type);
  hidden.add_(at::embedding(weights.position, batch.positions));
  return layer_norm(hidden, weights.norm, eps).to(dtype);
}

}  // namespace bgem3
