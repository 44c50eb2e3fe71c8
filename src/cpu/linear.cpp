#include "cpu/linear.h"

#include <algorithm>

#include <ATen/ops/empty.h>

#include "bgem3/detail/cpu_linear.h"
#include "cpu/processor.h"
#include "cpu/tasks.h"

namespace bgem3::detail {
namespace {

void multiply(const cpu::LinearTask& task, int64_t output_begin, int64_t output_end) {
#if defined(__x86_64__)
  cpu::linear_float32_avx2(task, output_begin, output_end);
#endif
}

bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && tensor.scalar_type() == at::kFloat &&
         tensor.is_contiguous();
}

}  // namespace

bool wants_plain_weights() { return cpu::instruction_set() == cpu::InstructionSet::avx2; }

bool takes_plain(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  return wants_plain_weights() && is_plain(input) && is_plain(weight) && is_plain(bias);
}

at::Tensor cpu_linear(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& residual) {
  TORCH_CHECK(takes_plain(input, weight, bias) && (!residual.defined() || is_plain(residual)),
              "linear layer: all should be contiguous float32, on a processor with AVX2 and without AVX-512");
  at::Tensor output = at::empty({input.size(0), weight.size(0)}, input.options());
  const cpu::LinearTask task{.input = input.const_data_ptr<float>(),
                             .weight = weight.const_data_ptr<float>(),
                             .bias = bias.const_data_ptr<float>(),
                             .residual = residual.defined() ? residual.const_data_ptr<float>() : nullptr,
                             .output = output.mutable_data_ptr<float>(),
                             .rows = input.size(0),
                             .inputs = input.size(1),
                             .outputs = weight.size(0)};
  const int64_t tiles = (task.outputs + cpu::linear_tile - 1) / cpu::linear_tile;
  const int64_t groups = std::min<int64_t>(tiles, int64_t{8} * at::get_num_threads());
  cpu::Tasks shared(groups);
  cpu::on_threads(groups, [&] {
    shared.share([&](int64_t group) {
      const int64_t begin = tiles * group / groups * cpu::linear_tile;
      const int64_t end = tiles * (group + 1) / groups * cpu::linear_tile;
      multiply(task, begin, std::min(end, task.outputs));
    });
  });
  return output;
}

}  // namespace bgem3::detail
