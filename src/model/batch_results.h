#pragma once

#include <ATen/core/Tensor.h>

namespace bgem3 {

/// The results of a batch of B texts and N tokens. What was not asked for is undefined.
struct BatchResults {
  at::Tensor dense;          // [B, dense size]
  at::Tensor relevance;      // [B]
  at::Tensor token_weights;  // [N]
  at::Tensor colbert;        // [N, C]
  at::Tensor non_finite;     // [1] int32, not 0 when one of the others has NaN or infinity; undefined with relevance
};

}  // namespace bgem3
