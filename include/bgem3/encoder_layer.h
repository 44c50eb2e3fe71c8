#pragma once

#include "bgem3/attention.h"
#include "bgem3/config.h"
#include "bgem3/feed_forward.h"
#include "bgem3/input_embedding.h"

namespace bgem3 {

/// One post-norm transformer layer: hidden states [N, D] → [N, D].
inline at::Tensor encoder_layer(const at::Tensor& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                                const ModelConfig& config) {
  const double eps = config.layer_norm_eps;
  const at::Tensor attended = self_attention(hidden, batch, weights.attention, config.heads);
  const at::Tensor normed = layer_norm(attended, weights.attention.norm, eps);
  return layer_norm(feed_forward(normed, weights.feed_forward), weights.feed_forward.norm, eps);
}

}  // namespace bgem3
