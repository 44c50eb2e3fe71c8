#pragma once

#include <cstdint>

#include <ATen/ops/arange.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/config.h"
#include "bgem3/detail/cuda_ops.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3::detail {

// A transformer layer as a GPU likes it: seven launches, nothing that waits for the device. All compute in the dtype of
// their hidden states; weights of another one are converted on the way, which is how a batch is recomputed in float32
// without a second copy of the model.

/// input [N, in] → input · weightᵀ + bias [N, out]; cuBLASLt adds the bias within the product.
inline at::Tensor cuda_linear(const at::Tensor& input, const Linear& layer) {
  const auto dtype = input.scalar_type();
  return at::linear(input, layer.weight.to(dtype), layer.bias.to(dtype));
}

inline at::Tensor cuda_add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual, const LayerNorm& norm,
                                      double eps) {
  return CudaOps::get().add_layer_norm(hidden, residual, norm.weight, norm.bias, eps);
}

/// Sum of word, position and token type 0 embeddings, normalised: ids [N] → hidden states [N, D] of `dtype`.
inline at::Tensor cuda_embed_input(const PackedBatch& batch, const InputEmbeddingWeights& weights, double eps,
                                   at::ScalarType dtype) {
  return CudaOps::get().embed_layer_norm(batch.ids, batch.positions, weights.word, weights.position,
                                         weights.token_type[0], weights.norm.weight, weights.norm.bias, eps, dtype);
}

/// Attention of all tokens, before the output projection: hidden states [N, D] → [N, D].
inline at::Tensor cuda_context(const at::Tensor& hidden, const PackedBatch& batch, const AttentionWeights& weights,
                               int64_t heads) {
  const at::Tensor all = cuda_linear(hidden, weights.joined).unflatten(1, {3, heads, hidden.size(1) / heads});
  const at::Tensor& offsets = batch.device_offsets;
  return CudaOps::get()
      .varlen_attention(all.select(1, 0), offsets, batch.longest(), all.select(1, 1), all.select(1, 2), offsets,
                        batch.longest())
      .flatten(1);
}

/// cuda_context() of the first token of each text alone, whose hidden states are `first` [B, D]: → [B, D].
inline at::Tensor cuda_first_token_context(const at::Tensor& first, const at::Tensor& hidden, const PackedBatch& batch,
                                           const AttentionWeights& weights, int64_t heads) {
  const int64_t head_size = hidden.size(1) / heads;
  const at::Tensor query = cuda_linear(first, weights.query).unflatten(1, {heads, head_size});
  const at::Tensor both = cuda_linear(hidden, weights.key_value).unflatten(1, {2, heads, head_size});
  const at::Tensor one_each = at::arange(batch.texts() + 1, batch.device_offsets.options());
  return CudaOps::get()
      .varlen_attention(query, one_each, 1, both.select(1, 0), both.select(1, 1), batch.device_offsets, batch.longest())
      .flatten(1);
}

/// What a layer does after its attention: rows [n, D] and the hidden states they came from → [n, D].
inline at::Tensor cuda_finish_layer(const at::Tensor& context, const at::Tensor& residual,
                                    const EncoderLayerWeights& weights, double eps) {
  const auto& [attention, feed_forward] = weights;
  const at::Tensor attended =
      cuda_add_layer_norm(cuda_linear(context, attention.output), residual, attention.norm, eps);
  at::Tensor inner = cuda_linear(attended, feed_forward.up);
  at::gelu_(inner, "none");
  return cuda_add_layer_norm(cuda_linear(inner, feed_forward.down), attended, feed_forward.norm, eps);
}

/// encoder_layer() on a GPU.
inline at::Tensor cuda_encoder_layer(const at::Tensor& hidden, const PackedBatch& batch,
                                     const EncoderLayerWeights& weights, const ModelConfig& config) {
  const at::Tensor context = cuda_context(hidden, batch, weights.attention, config.heads);
  return cuda_finish_layer(context, hidden, weights, config.layer_norm_eps);
}

/// first_token_layer() on a GPU.
inline at::Tensor cuda_first_token_layer(const at::Tensor& hidden, const PackedBatch& batch,
                                         const EncoderLayerWeights& weights, const ModelConfig& config) {
  const at::Tensor first = first_tokens(hidden, batch);
  const at::Tensor context = cuda_first_token_context(first, hidden, batch, weights.attention, config.heads);
  return cuda_finish_layer(context, first, weights, config.layer_norm_eps);
}

}  // namespace bgem3::detail
