#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"

namespace bgem3::detail {

/// Whether float32 weights are best left as they are on this processor: with AVX2 and without AVX-512, where oneDNN has
/// no layout of its own for them.
BGEM3_API bool wants_plain_weights();

/// Whether such weights can be multiplied: on such a processor, all of it in float32 and contiguous.
BGEM3_API bool takes_plain(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias);

/// For more rows than this it pays to pack weights for each product, as oneDNN does.
constexpr int64_t cpu_linear_rows = 48;

/// input [N, in] · weightᵀ [out, in] + bias [out] + residual [N, out]; no residual when undefined. Takes what
/// takes_plain() says.
BGEM3_API at::Tensor cpu_linear(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                                const at::Tensor& residual = {});

}  // namespace bgem3::detail
