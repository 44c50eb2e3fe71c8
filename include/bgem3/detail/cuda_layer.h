#pragma once

#include <cstdint>
#include <utility>

#include <ATen/ops/arange.h>

#include "bgem3/config.h"
#include "bgem3/detail/cuda_ops.h"
#include "bgem3/detail/projections.h"
#include "bgem3/linear.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3::detail {

// A transformer layer as a GPU likes it: seven launches, nothing that waits for the device; cuBLASLt adds biases within
// the products. All compute in the dtype of their hidden states, as linear() does, which is how a batch is recomputed
// in float32 without a second copy of the model. Layers in float8 alone have no other precision; they need none, having
// the range of bfloat16. What their products read is rounded to e4m3 where it is computed, if one of our kernels does.

/// layer_norm(hidden + residual), in e4m3, too, where `for_float8`.
inline LayerInput cuda_add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual, const LayerNorm& norm,
                                      double eps, bool for_float8) {
  if (!for_float8) return {CudaOps::get().add_layer_norm(hidden, residual, norm.weight, norm.bias, eps)};
  auto [rows, values, scale] = CudaOps::get().add_layer_norm_quantize(hidden, residual, norm.weight, norm.bias, eps);
  return {std::move(rows), Float8Rows{std::move(values), std::move(scale)}};
}

/// Sum of word, position and token type 0 embeddings, normalised: ids [N] → hidden states [N, D] of `dtype`.
inline at::Tensor cuda_embed_input(const PackedBatch& batch, const InputEmbeddingWeights& weights, double eps,
                                   at::ScalarType dtype) {
  return CudaOps::get().embed_layer_norm(batch.ids, batch.positions, weights.word, weights.position,
                                         weights.token_type[0], weights.norm.weight, weights.norm.bias, eps, dtype);
}

/// Attention of all tokens, before the output projection: hidden states [N, D] → [N, D].
inline at::Tensor cuda_context(const LayerInput& hidden, const PackedBatch& batch, const AttentionWeights& weights,
                               int64_t heads) {
  const auto [query, key, value] = project(hidden, weights, heads);
  const at::Tensor& offsets = batch.device_offsets;
  return CudaOps::get()
      .varlen_attention(query, offsets, batch.longest(), key, value, offsets, batch.longest())
      .flatten(1);
}

/// cuda_context() of the first token of each text alone, whose hidden states are `first` [B, D]: → [B, D].
inline at::Tensor cuda_first_token_context(const at::Tensor& first, const LayerInput& hidden, const PackedBatch& batch,
                                           const AttentionWeights& weights, int64_t heads) {
  const auto [query, key, value] = project(first, hidden, weights, heads);
  const at::Tensor one_each = at::arange(batch.texts() + 1, batch.device_offsets.options());
  return CudaOps::get()
      .varlen_attention(query, one_each, 1, key, value, batch.device_offsets, batch.longest())
      .flatten(1);
}

/// linear_gelu() on a GPU. In half precision cuBLASLt computes GELU within the product, which spares a pass over the
/// largest tensor of a layer, but has only the tanh form. It differs from the erf form by less than float16 rounds: on
/// real weights the cosine between vectors of the two is above 1 - 9e-7 (docs/cuda.md). float32 keeps the erf form.
inline at::Tensor cuda_linear_gelu(const at::Tensor& input, const Linear& layer) {
  const auto dtype = input.scalar_type();
  if (layer.float8 || dtype == at::kFloat || layer.weight.scalar_type() != dtype) return linear_gelu(input, layer);
  return CudaOps::get().product(input, layer.weight, layer.bias.to(dtype), /*gelu=*/true);
}

/// The two layers of a feed-forward block with the GELU between, the erf form where they are in float8: → [n, D].
inline at::Tensor cuda_feed_forward(const LayerInput& input, const FeedForwardWeights& weights) {
  if (!weights.up.float8 || !weights.down.float8) {
    return bgem3::linear(cuda_linear_gelu(input.rows, weights.up), weights.down);
  }
  const at::Tensor inner = linear(input, weights.up);
  return float8_product(gelu_quantize_rows(inner), *weights.down.float8).to(inner.scalar_type());
}

/// What a layer does after its attention: rows [n, D] and the hidden states they came from → [n, D]. `has_next`:
/// another layer reads them, which is in float8 if this one is.
inline LayerInput cuda_finish_layer(const at::Tensor& context, const at::Tensor& residual,
                                    const EncoderLayerWeights& weights, double eps, bool has_next) {
  const auto& [attention, feed_forward] = weights;
  const bool has_float8 = feed_forward.up.float8.has_value();
  const LayerInput attended =
      cuda_add_layer_norm(bgem3::linear(context, attention.output), residual, attention.norm, eps, has_float8);
  const at::Tensor output = cuda_feed_forward(attended, feed_forward);
  return cuda_add_layer_norm(output, attended.rows, feed_forward.norm, eps, has_float8 && has_next);
}

/// encoder_layer() on a GPU.
inline LayerInput cuda_encoder_layer(const LayerInput& hidden, const PackedBatch& batch,
                                     const EncoderLayerWeights& weights, const ModelConfig& config, bool has_next) {
  const at::Tensor context = cuda_context(hidden, batch, weights.attention, config.heads);
  return cuda_finish_layer(context, hidden.rows, weights, config.layer_norm_eps, has_next);
}

/// first_token_layer() on a GPU.
inline at::Tensor cuda_first_token_layer(const LayerInput& hidden, const PackedBatch& batch,
                                         const EncoderLayerWeights& weights, const ModelConfig& config) {
  const at::Tensor first = first_tokens(hidden.rows, batch);
  const at::Tensor context = cuda_first_token_context(first, hidden, batch, weights.attention, config.heads);
  return cuda_finish_layer(context, first, weights, config.layer_norm_eps, false).rows;
}

}  // namespace bgem3::detail
