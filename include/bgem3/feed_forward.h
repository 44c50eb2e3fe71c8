#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/weights.h"

namespace bgem3 {

/// Two linear layers with an erf GELU between, without residual and norm: hidden states [N, D] → [N, D].
inline at::Tensor feed_forward(const at::Tensor& hidden, const FeedForwardWeights& weights) {
  at::Tensor inner = at::linear(hidden, weights.up.weight, weights.up.bias);
  at::gelu_(inner, "none");
  return at::linear(inner, weights.down.weight, weights.down.bias);
}

}  // namespace bgem3
