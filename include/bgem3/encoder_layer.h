#pragma once

#include <algorithm>

#include <ATen/ops/empty_like.h>

#include "bgem3/attention.h"
#include "bgem3/config.h"
#include "bgem3/detail/cuda_layer.h"
#include "bgem3/feed_forward.h"
#include "bgem3/input_embedding.h"

namespace bgem3 {

namespace detail {

/// What a layer does after its attention: rows [n, D] → `hidden` [n, D].
inline void finish_rows(const at::Tensor& attended, const EncoderLayerWeights& weights, double eps,
                        const at::Tensor& hidden) {
  const at::Tensor normed = layer_norm(attended, weights.attention.norm, eps);
  layer_norm_into(hidden, feed_forward(normed, weights.feed_forward), weights.feed_forward.norm, eps);
}

/// finish_rows(), on the CPU some rows at a time: what lies between, [n, intermediate], then stays in the cache, and in
/// memory that malloc keeps for the next.
inline at::Tensor finish_layer(const at::Tensor& attended, const EncoderLayerWeights& weights, double eps) {
  const int64_t all = attended.size(0), block = attended.is_cpu() ? 512 : all;
  at::Tensor hidden = at::empty_like(attended);
  for (int64_t begin = 0; begin < all; begin += block) {
    const int64_t rows = std::min(block, all - begin);
    finish_rows(attended.narrow(0, begin, rows), weights, eps, hidden.narrow(0, begin, rows));
  }
  return hidden;
}

/// encoder_layer() of hidden states that the layer before has left. `has_next`: another layer reads the result.
inline LayerInput inner_layer(const LayerInput& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                              const ModelConfig& config, bool has_next) {
  if (hidden.rows.is_cuda()) return cuda_encoder_layer(hidden, batch, weights, config, has_next);
  const at::Tensor attended = self_attention(hidden.rows, batch, weights.attention, config.heads);
  return {finish_layer(attended, weights, config.layer_norm_eps)};
}

/// first_token_layer() of hidden states that the layer before has left.
inline at::Tensor last_layer(const LayerInput& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                             const ModelConfig& config) {
  if (hidden.rows.is_cuda()) return cuda_first_token_layer(hidden, batch, weights, config);
  const at::Tensor attended = first_token_self_attention(hidden.rows, batch, weights.attention, config.heads);
  return finish_layer(attended, weights, config.layer_norm_eps);
}

}  // namespace detail

/// One post-norm transformer layer: hidden states [N, D] → [N, D].
inline at::Tensor encoder_layer(const at::Tensor& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                                const ModelConfig& config) {
  return detail::inner_layer({hidden}, batch, weights, config, false).rows;
}

/// encoder_layer() for the first token of each text alone: hidden states [N, D] → [B, D]. Of the other tokens it needs
/// keys and values only, so it costs a sixth.
inline at::Tensor first_token_layer(const at::Tensor& hidden, const PackedBatch& batch,
                                    const EncoderLayerWeights& weights, const ModelConfig& config) {
  return detail::last_layer({hidden}, batch, weights, config);
}

}  // namespace bgem3
