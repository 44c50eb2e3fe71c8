#pragma once

#include <ATen/core/Tensor.h>

namespace bgem3::cuda {

/// input [N, in] · weight [out, in]ᵀ + bias [out] → [N, out], then the tanh GELU if asked, all of one dtype. In half
/// precision from 2048 rows on, by the fastest of the algorithms that cuBLASLt suggests: they are timed when the first
/// product of about these sizes is asked for, which then takes some milliseconds. The choice holds for the process.
/// Where torch.use_deterministic_algorithms() is on, and for everything else, LibTorch's product, which takes the first
/// suggestion.
at::Tensor product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, bool gelu);

}  // namespace bgem3::cuda
