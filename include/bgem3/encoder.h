#pragma once

#include <cstdint>
#include <functional>

#include "bgem3/config.h"
#include "bgem3/detail/shape.h"
#include "bgem3/encoder_layer.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Sees the hidden states [N, D] after the input embedding (layer 0) and after each layer (1 … layers). An exception
/// thrown here ends the forward pass.
using LayerHook = std::function<void(int64_t layer, const at::Tensor& hidden)>;

/// The whole transformer: token ids of a packed batch → last hidden states [N, D], in the device and dtype of the
/// weights. Pure: safe to call from many threads. Run it under c10::InferenceMode.
inline at::Tensor encode_batch(const PackedBatch& batch, const EncoderWeights& weights, const ModelConfig& config,
                               const LayerHook& hook = {}) {
  at::Tensor hidden = embed_input(batch, weights.input, config.layer_norm_eps);
  detail::expect_shape(hidden, {batch.tokens(), config.hidden_size}, "input embedding");
  if (hook) hook(0, hidden);
  int64_t layer = 0;
  for (const auto& layer_weights : weights.layers) {
    hidden = encoder_layer(hidden, batch, layer_weights, config);
    if (hook) hook(++layer, hidden);
  }
  return hidden;
}

}  // namespace bgem3
