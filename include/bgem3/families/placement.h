#pragma once

#include <ATen/core/Tensor.h>

#include "bgem3/formats/format.h"

namespace bgem3 {

/// Where and in what precision a model computes. Weights already there are used as they are, without a copy. Norms stay
/// in float32.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  /// That linear layers of the encoder are packed in, one transformer layer after the other, as they are bound: no
  /// model as a whole is then anywhere in anything larger. Null: they are left plain.
  const Format* format = nullptr;
};

}  // namespace bgem3
