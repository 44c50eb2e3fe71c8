#pragma once

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"
#include "bgem3/kernels/activation.h"

namespace bgem3::detail {

/// Whether this processor multiplies bfloat16: AVX512-BF16, which comes with AMX, too.
BGEM3_API bool cpu_has_bfloat16() noexcept;

/// The weight of a linear layer in float32, in panels of outputs.
struct PanelWeight {
  at::Tensor values;  // [panels, in, outputs of a panel]
  at::Tensor bias;    // [out], a view of memory that goes on to a whole number of panels
};

enum class WeightLayout { plain, panels, onednn };

/// The layout of a layer's float32 weights for which this processor has the fastest kernels that a signal may
/// interrupt.
BGEM3_API WeightLayout float32_layout(int64_t inputs);

/// weight [out, in] and bias [out], any floating dtype.
BGEM3_API PanelWeight to_panels(const at::Tensor& weight, const at::Tensor& bias);

/// input [N, in] → activation(input · weightᵀ + bias) + residual [N, out], all float32 and contiguous; no residual when
/// undefined. Needs AVX2; what does not fit together is refused with c10::Error.
BGEM3_API at::Tensor panel_linear(const at::Tensor& input, const PanelWeight& weight, Activation activation,
                                  const at::Tensor& residual = {});

}  // namespace bgem3::detail
