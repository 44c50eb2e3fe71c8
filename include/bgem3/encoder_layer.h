#pragma once

#include "bgem3/attention.h"
#include "bgem3/config.h"
#include "bgem3/feed_forward.h"
#include "bgem3/input_embedding.h"

namespace bgem3 {

/// One post-norm transformer layer: hidden states [N, D] → [N, D].
inline at::Tensor encoder_layer(const at::Tensor& hidden, const PackedBatch& batch, const EncoderLayerWeights& weights,
                                const ModelConfig& config) {
  at::Tensor attended = self_attention(hidden, batch, weights.attention, config.heads).add_(hidden);
  attended = layer_norm(attended, weights.attention.norm, config.layer_norm_eps);
  at::Tensor output = feed_forward(attended, weights.feed_forward).add_(attended);
  return layer_norm(output, weights.feed_forward.norm, config.layer_norm_eps);
}

}  // namespace bgem3
