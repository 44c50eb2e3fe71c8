#include "kernels/cpu/layer_norm.h"

#include <ATen/Parallel.h>

#include "bgem3/kernels/cpu_layer_norm.h"
#include "kernels/cpu/processor.h"

namespace bgem3::detail {
namespace {

cpu::LayerNormKernel choose_kernel(at::ScalarType dtype) {
  const bool is_bfloat16 = dtype == at::kBFloat16;
  if (!is_bfloat16 && dtype != at::kFloat) return nullptr;
#if defined(__x86_64__)
  switch (cpu::instruction_set()) {
    case cpu::InstructionSet::avx512:
      return is_bfloat16 ? cpu::layer_norm_bfloat16_avx512 : cpu::layer_norm_float32_avx512;
    case cpu::InstructionSet::avx2: return is_bfloat16 ? cpu::layer_norm_bfloat16_avx2 : cpu::layer_norm_float32_avx2;
    default: break;
  }
#endif
  return nullptr;
}

}  // namespace

bool cpu_layer_norm_takes(const at::Tensor& hidden) {
  return hidden.is_cpu() && hidden.is_contiguous() && choose_kernel(hidden.scalar_type()) != nullptr;
}

void cpu_layer_norm(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias, double eps,
                    at::Tensor& output) {
  TORCH_CHECK(output.is_contiguous() && output.sizes() == hidden.sizes() &&
                  output.scalar_type() == hidden.scalar_type() && weight.scalar_type() == at::kFloat &&
                  bias.scalar_type() == at::kFloat && weight.is_contiguous() && bias.is_contiguous() &&
                  weight.numel() == hidden.size(1) && bias.numel() == hidden.size(1),
              "layer norm: output should be like the input, weight and bias contiguous float32 of a row's size");
  const auto kernel = choose_kernel(hidden.scalar_type());
  const cpu::LayerNormTask task{.input = hidden.const_data_ptr(),
                                .output = output.mutable_data_ptr(),
                                .weight = weight.const_data_ptr<float>(),
                                .bias = bias.const_data_ptr<float>(),
                                .size = hidden.size(1),
                                .eps = static_cast<float>(eps)};
  constexpr int64_t grain = 64;  // fewer rows take less time than waking a thread
  at::parallel_for(0, hidden.size(0), grain, [&](int64_t begin, int64_t end) { kernel(task, begin, end); });
}

}  // namespace bgem3::detail
