#pragma once

#include "bgem3/linear.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Two linear layers with an erf GELU between, with the residual, without the norm: hidden states [N, D] → [N, D].
inline at::Tensor feed_forward(const at::Tensor& hidden, const FeedForwardWeights& weights) {
  return linear_add(linear_gelu(hidden, weights.up), hidden, weights.down);
}

}  // namespace bgem3
