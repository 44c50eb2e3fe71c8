#pragma once

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"

namespace bgem3::detail {

/// Whether cpu_layer_norm() takes tensors like this: on the CPU, contiguous, float32 or bfloat16, with AVX2.
BGEM3_API bool cpu_layer_norm_takes(const at::Tensor& hidden);

/// Layer normalisation of each row, statistics in float32: hidden [N, D], weight and bias [D] float32 → output [N, D],
/// which may be `hidden`.
BGEM3_API void cpu_layer_norm(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias, double eps,
                              at::Tensor& output);

}  // namespace bgem3::detail
