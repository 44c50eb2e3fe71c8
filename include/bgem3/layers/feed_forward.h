#pragma once

#include "bgem3/layers/layer_norm.h"

namespace bgem3 {

struct FeedForwardWeights {
  Linear up;       // [intermediate, D]
  Linear down;     // [D, intermediate]
  LayerNorm norm;  // after the residual
};

/// Two linear layers with a GELU between, the residual and the norm: hidden states [N, D] → [N, D]. `next_reads` and
/// `output` as of linear_add_norm().
inline Rows feed_forward(const Rows& hidden, const FeedForwardWeights& weights, double eps,
                         RoundedDtype next_reads = std::nullopt, at::Tensor output = {}) {
  const Rows inner = weights.up.apply(hidden, {.activation = Activation::gelu, .next_reads = weights.down.reads()});
  return linear_add_norm(inner, hidden.plain, weights.down, weights.norm, eps, next_reads, std::move(output));
}

}  // namespace bgem3
