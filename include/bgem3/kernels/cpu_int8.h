#pragma once

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"
#include "bgem3/kernels/activation.h"

namespace bgem3::detail {

/// Whether this processor has what int8_linear() needs: AVX512-VNNI.
BGEM3_API bool cpu_has_int8() noexcept;

/// The weight of a linear layer in int8, symmetric, with a scale for each output. Activations get one for each row when
/// they are multiplied. Vectors are views of memory that goes on to a whole number of panels.
struct Int8Panels {
  at::Tensor values;  // [panels, in / 4, 64, 4] int8
  at::Tensor scale;   // [out] float32
  at::Tensor offset;  // [out] int32, -128 · sum of the values: activations are stored 128 too large
  at::Tensor bias;    // [out] float32
};

/// weight [out, in] and bias [out], float32.
BGEM3_API Int8Panels quantize_weight(const at::Tensor& weight, const at::Tensor& bias);

/// input [N, in], float32 or bfloat16 → activation(input · weightᵀ + bias) + residual [N, out] of the same dtype; no
/// residual when undefined. GELU is the erf form to 5e-4.
BGEM3_API at::Tensor int8_linear(const at::Tensor& input, const Int8Panels& weight, Activation activation,
                                 const at::Tensor& residual = {});

}  // namespace bgem3::detail
