#include "kernels/cpu/int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "bgem3/kernels/cpu_int8.h"
#include "kernels/cpu/processor.h"
#include "kernels/cpu/product_tasks.h"

namespace bgem3::detail {
namespace {

using cpu::int8_panel;
using cpu::int8_word;

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

at::Tensor padded_vector(int64_t size, at::ScalarType dtype) {
  return at::zeros({round_up(size, int8_panel)}, dtype).narrow(0, 0, size);
}

// One output's weights, every int8_word of them a panel's width apart.
void quantize_output(const float* from, int64_t inputs, std::int8_t* to, float& scale, std::int32_t& offset) {
  float most = 0;
  bool finite = true;
  for (int64_t i = 0; i < inputs; ++i) {
    most = std::max(most, std::abs(from[i]));
    finite = finite && std::isfinite(from[i]);
  }
  // A byte cannot be NaN; the scale makes one of what a damaged weight takes part in.
  scale = finite ? most / 127 : std::numeric_limits<float>::quiet_NaN();
  const float factor = finite && most > 0 ? 127 / most : 0;
  std::int32_t sum = 0;
  for (int64_t i = 0; i < inputs; ++i) {
    const auto value = static_cast<std::int8_t>(finite ? std::lrintf(from[i] * factor) : 0);
    to[i / int8_word * int8_panel * int8_word + i % int8_word] = value;
    sum += value;
  }
  offset = -128 * sum;
}

#if defined(__x86_64__)
const cpu::Int8Kernel& kernel_for(at::ScalarType dtype) {
  TORCH_CHECK(cpu_has_int8(), "int8 needs AVX512-VNNI");
  TORCH_CHECK(dtype == at::kFloat || (dtype == at::kBFloat16 && cpu::has_bfloat16()),
              "int8: input should be float32, or bfloat16 where the processor has AVX512-BF16");
  return dtype == at::kFloat ? cpu::int8_from_float32 : cpu::int8_from_bfloat16;
}
#else
const cpu::Int8Kernel& kernel_for(at::ScalarType) { TORCH_CHECK(false, "int8 needs AVX512-VNNI"); }
#endif

// The rows of `hidden` [N, size] to bytes, each with a scale of its own, then multiplied: in one parallel region,
// because for few rows waking the threads takes as long as the first half of the work.
void quantize_and_multiply(const cpu::Int8Kernel& kernel, const at::Tensor& hidden, const cpu::Int8Product& product,
                           int64_t panels) {
  const int64_t rows = product.input.rows, size = hidden.size(1);
  const int64_t parts = cpu::parts_of(rows * size, 1 << 14);
  cpu::Tasks quantizing(parts);
  cpu::ProductTasks multiplying(rows, cpu::int8_block, panels);
  cpu::on_threads(multiplying.count(), [&] {
    quantizing.share([&](int64_t part) {
      kernel.quantize(hidden.const_data_ptr(), size, rows * part / parts, rows * (part + 1) / parts, product.input);
    });
    quantizing.wait();
    multiplying.share([&](int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end) {
      kernel.multiply(product, row_begin, row_end, panel_begin, panel_end);
    });
  });
}

}  // namespace

bool cpu_has_int8() noexcept { return cpu::has_vnni(); }

Int8Panels quantize_weight(const at::Tensor& weight, const at::Tensor& bias) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const at::Tensor from = weight.contiguous();
  Int8Panels to{
      at::zeros(
          {round_up(outputs, int8_panel) / int8_panel, round_up(inputs, int8_word) / int8_word, int8_panel, int8_word},
          at::kChar),
      padded_vector(outputs, at::kFloat), padded_vector(outputs, at::kInt), padded_vector(outputs, at::kFloat)};
  to.bias.copy_(bias);
  at::parallel_for(0, outputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t output = begin; output < end; ++output) {
      auto* panel = to.values.mutable_data_ptr<std::int8_t>() + output / int8_panel * to.values.stride(0);
      quantize_output(from.const_data_ptr<float>() + output * inputs, inputs, panel + output % int8_panel * int8_word,
                      to.scale.mutable_data_ptr<float>()[output], to.offset.mutable_data_ptr<std::int32_t>()[output]);
    }
  });
  return to;
}

at::Tensor int8_linear(const at::Tensor& input, const Int8Panels& weight, Activation activation,
                       const at::Tensor& residual) {
  const cpu::Int8Kernel& kernel = kernel_for(input.scalar_type());
  TORCH_CHECK(input.is_contiguous() && (!residual.defined() || residual.is_contiguous()), "int8: rows lie apart");
  TORCH_CHECK(!residual.defined() || residual.numel() == input.size(0) * weight.scale.size(0),
              "int8: residual should have the sizes of the output");
  const int64_t rows = input.size(0), inputs = weight.values.size(1) * int8_word;
  TORCH_CHECK(input.is_cpu() && round_up(input.size(1), int8_word) == inputs, "int8: input should have ", inputs,
              " columns, found ", input.size(1));
  const at::Tensor bytes = at::empty({rows, inputs}, at::kByte), scale = at::empty({rows}, at::kFloat);
  at::Tensor output = at::empty({rows, weight.scale.size(0)}, input.options());
  const cpu::Int8Product product{
      .input = {bytes.mutable_data_ptr<std::uint8_t>(), scale.mutable_data_ptr<float>(), rows, inputs},
      .weights = {weight.values.const_data_ptr<std::int8_t>(), weight.scale.const_data_ptr<float>(),
                  weight.offset.const_data_ptr<std::int32_t>(), weight.bias.const_data_ptr<float>(), output.size(1)},
      .gelu = activation == Activation::gelu,
      .residual = residual.defined() ? residual.const_data_ptr() : nullptr,
      .output = output.mutable_data_ptr()};
  quantize_and_multiply(kernel, input, product, weight.values.size(0));
  return output;
}

}  // namespace bgem3::detail
