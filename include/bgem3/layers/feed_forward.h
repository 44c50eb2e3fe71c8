#pragma once

#include "bgem3/layers/layer_norm.h"

namespace bgem3 {

struct FeedForwardWeights {
  Linear up;       // [intermediate, D]
  Linear down;     // [D, intermediate]
  LayerNorm norm;  // after the residual
};

/// Two linear layers with a GELU between, the residual and the norm: hidden states [N, D] → [N, D]. `reader` and
/// `output` as of linear_add_norm().
inline Rows feed_forward(const Rows& hidden, const FeedForwardWeights& weights, double eps,
                         RoundedDtype reader = std::nullopt, at::Tensor output = {}) {
  const Rows inner = weights.up.apply(hidden, {.activation = Activation::gelu, .reader = weights.down.reads()});
  return linear_add_norm(inner, hidden.plain, weights.down, weights.norm, eps, reader, std::move(output));
}

}  // namespace bgem3
