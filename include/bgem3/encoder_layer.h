#pragma once

#include "bgem3/attention.h"
#include "bgem3/config.h"
#include "bgem3/feed_forward.h"
#include "bgem3/input_embedding.h"

namespace bgem3 {

namespace detail {

/// What a layer does after its attention: rows [n, D] → [n, D].
inline at::Tensor finish_layer(const at::Tensor& attended, const EncoderLayerWeights& weights, double eps) {
  const at::Tensor normed = layer_norm(attended, weights.attention.norm, eps);
  return layer_norm(feed_forward(normed, weights.feed_forward), weights.feed_forward.norm, eps);
}

}  // namespace detail

/// One post-norm transformer layer: hidden states [N, D] → [N, D].
inline at::Tensor encoder_layer(const at::Tensor& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                                const ModelConfig& config) {
  const at::Tensor attended = self_attention(hidden, batch, weights.attention, config.heads);
  return detail::finish_layer(attended, weights, config.layer_norm_eps);
}

/// encoder_layer() for the first token of each text alone: hidden states [N, D] → [B, D]. Of the other tokens it needs
/// keys and values only, so it costs a sixth.
inline at::Tensor first_token_layer(const at::Tensor& hidden, const PackedBatch& batch,
                                    const EncoderLayerWeights& weights, const ModelConfig& config) {
  const at::Tensor attended = first_token_self_attention(hidden, batch, weights.attention, config.heads);
  return detail::finish_layer(attended, weights, config.layer_norm_eps);
}

}  // namespace bgem3
