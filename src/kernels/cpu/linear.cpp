#include "kernels/cpu/linear.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <memory>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "bgem3/kernels/cpu_linear.h"
#include "kernels/cpu/processor.h"
#include "kernels/cpu/product_tasks.h"

namespace bgem3::detail {
namespace {

const cpu::LinearKernel& choose_kernel() {
#if defined(__x86_64__)
  if (cpu::instruction_set() == cpu::InstructionSet::avx512) return cpu::linear_float32_avx512;
  if (cpu::instruction_set() == cpu::InstructionSet::avx2) return cpu::linear_float32_avx2;
#endif
  TORCH_CHECK(false, "weights in panels need AVX2");
}

bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

// Memory that nothing has been written to yet, in huge pages as far as it goes: a panel is 16 small ones.
void ask_for_huge_pages(const at::Tensor& memory) {
#ifdef __linux__
  constexpr std::size_t page = 1 << 21;
  void* begin = memory.mutable_data_ptr();
  std::size_t space = memory.nbytes();
  if (std::align(page, page, begin, space) != nullptr) (void)::madvise(begin, space / page * page, MADV_HUGEPAGE);
#endif
}

// Some outputs' weights [outputs, inputs] → [inputs, panel].
void fill_panel(const float* from, int64_t outputs, int64_t inputs, int64_t panel, float* to) {
  for (int64_t input = 0; input < inputs; ++input) {
    for (int64_t output = 0; output < outputs; ++output) to[input * panel + output] = from[output * inputs + input];
  }
}

}  // namespace

bool cpu_has_bfloat16() noexcept { return cpu::has_bfloat16(); }

// oneDNN 3.10 has layouts for AVX-512 and some thousand inputs (not 768, but 1000). All else it multiplies, on x86, by
// kernels whose stack pointer points to the heap until 3.11.2 (uxlfoundation/oneDNN#4845, in LibTorch up to 2.11): the
// handler of a signal that arrives meanwhile overwrites what lies there.
WeightLayout float32_layout(int64_t inputs) {
#if defined(__x86_64__)
  constexpr int64_t onednn_inputs_min = 1024;
  switch (cpu::instruction_set()) {
    case cpu::InstructionSet::avx512: return inputs < onednn_inputs_min ? WeightLayout::panels : WeightLayout::onednn;
    case cpu::InstructionSet::avx2: return WeightLayout::panels;
    default: return WeightLayout::plain;
  }
#else
  (void)inputs;
  return WeightLayout::onednn;
#endif
}

PanelWeight to_panels(const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor from = weight.to(at::kFloat).contiguous();
  const int64_t outputs = from.size(0), inputs = from.size(1), width = choose_kernel().panel;
  const int64_t panels = cpu::parts_of(outputs, width);
  PanelWeight to{at::empty({panels, inputs, width}, at::kFloat),
                 at::zeros({panels * width}, at::kFloat).narrow(0, 0, outputs)};
  ask_for_huge_pages(to.values);
  to.bias.copy_(bias);
  if (outputs % width != 0) to.values[panels - 1].zero_();
  at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t output = panel * width;
      fill_panel(from.const_data_ptr<float>() + output * inputs, std::min(width, outputs - output), inputs, width,
                 to.values.mutable_data_ptr<float>() + output * inputs);
    }
  });
  return to;
}

at::Tensor panel_linear(const at::Tensor& input, const PanelWeight& weight, Activation activation,
                        const at::Tensor& residual) {
  TORCH_CHECK(is_plain(input) && input.dim() == 2 && input.size(1) == weight.values.size(1),
              "weights in panels: input should be contiguous float32 [N, ", weight.values.size(1), "], found ",
              input.sizes());
  const cpu::LinearKernel& kernel = choose_kernel();
  at::Tensor output = at::empty({input.size(0), weight.bias.size(0)}, input.options());
  TORCH_CHECK(!residual.defined() || (is_plain(residual) && residual.sizes() == output.sizes()),
              "weights in panels: residual should be contiguous float32 ", output.sizes());
  const cpu::LinearTask task{.input = input.const_data_ptr<float>(),
                             .weight = weight.values.const_data_ptr<float>(),
                             .bias = weight.bias.const_data_ptr<float>(),
                             .residual = residual.defined() ? residual.const_data_ptr<float>() : nullptr,
                             .output = output.mutable_data_ptr<float>(),
                             .inputs = input.size(1),
                             .outputs = output.size(1),
                             .gelu = activation == Activation::gelu};
  cpu::ProductTasks tasks(input.size(0), cpu::linear_block, weight.values.size(0));
  cpu::on_threads(tasks.count(), [&] {
    const at::Tensor scratch = at::empty({cpu::linear_scratch}, at::kFloat);
    tasks.share([&](int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end) {
      kernel.run(task, row_begin, row_end, panel_begin, panel_end, scratch.mutable_data_ptr<float>());
    });
  });
  return output;
}

}  // namespace bgem3::detail
