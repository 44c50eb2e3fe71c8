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

namespace detail {

/// The input embedding and the first `layers` layers.
inline LayerInput run_layers(const PackedBatch& batch, const EncoderWeights& weights, const ModelConfig& config,
                             const LayerHook& hook, size_t layers) {
  LayerInput hidden{embed_input(batch, weights.input, config.layer_norm_eps, weights.hidden_dtype)};
  expect_shape(hidden.rows, {batch.tokens(), config.hidden_size}, "input embedding");
  if (hook) hook(0, hidden.rows);
  for (size_t layer = 0; layer < layers; ++layer) {
    hidden = inner_layer(hidden, batch, weights.layers[layer], config, layer + 1 < weights.layers.size());
    if (hook) hook(static_cast<int64_t>(layer) + 1, hidden.rows);
  }
  return hidden;
}

}  // namespace detail

/// The whole transformer: token ids of a packed batch → last hidden states [N, D], float32, on the device of the
/// weights. Pure: safe to call from many threads. Run it under c10::InferenceMode.
inline at::Tensor encode_batch(const PackedBatch& batch, const EncoderWeights& weights, const ModelConfig& config,
                               const LayerHook& hook = {}) {
  return detail::run_layers(batch, weights, config, hook, weights.layers.size()).rows.to(at::kFloat);
}

/// The last hidden states of the first token of each text alone, [B, D]: what CLS pooling needs, without computing the
/// rest of the last layer. The hook does not see that one.
inline at::Tensor encode_first_tokens(const PackedBatch& batch, const EncoderWeights& weights,
                                      const ModelConfig& config, const LayerHook& hook = {}) {
  const size_t before = weights.layers.size() - 1;
  const detail::LayerInput hidden = detail::run_layers(batch, weights, config, hook, before);
  return detail::last_layer(hidden, batch, weights.layers[before], config).to(at::kFloat);
}

}  // namespace bgem3
