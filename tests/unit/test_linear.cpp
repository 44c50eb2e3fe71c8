#include "support/doctest_torch.h"

#include <limits>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "bgem3/dtype.h"
#include "bgem3/layers/linear.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/processor.h"
#include "kernels/cpu/tasks.h"

using namespace bgem3;

namespace {

double max_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

// x · Wᵀ + b in double precision.
at::Tensor reference(const at::Tensor& input, const Linear& layer) {
  return at::matmul(input.to(at::kDouble), layer.plain()->weight().to(at::kDouble).t()).add_(layer.plain()->bias());
}

// [rows, size] of numbers that int8 holds without rounding: whole ones from -127 to 127, both ends in every row.
at::Tensor whole_numbers(int64_t rows, int64_t size) {
  at::Tensor numbers = at::randint(-127, 128, {rows, size}, at::kFloat);
  numbers.select(1, size - 1).fill_(-127);
  return numbers;
}

}  // namespace

TEST_CASE("packed and plain layers equal the formula at odd sizes") {
  if (detail::OneDnn::find() == nullptr) {
    MESSAGE("this LibTorch has no oneDNN: layers stay plain, but with AVX2 alone");
  }
  const int64_t sizes[][3] = {{1, 1, 1},     {1, 64, 64},   {2, 7, 3},      {15, 33, 65},  {16, 64, 256},
                              {31, 1024, 1}, {5, 1030, 11}, {127, 63, 129}, {49, 2050, 40}};
  for (const auto& size : sizes) {
    const auto rows = size[0], in = size[1], out = size[2];
    CAPTURE(rows);
    CAPTURE(in);
    CAPTURE(out);
    const at::Tensor input = at::randn({rows, in});
    const at::Tensor residual = at::randn({rows, out});
    const Linear plain{at::randn({out, in}), at::randn({out})};
    Linear packed = plain;
    pack(packed);
    const at::Tensor expected = reference(input, plain);
    for (const auto& layer : {plain, packed}) {
      const double tolerance = 1e-6 * static_cast<double>(in + 10);
      CHECK(max_difference(linear(input, layer), expected) < tolerance);
      CHECK(max_difference(linear_gelu(input, layer), at::gelu(expected, "none")) < tolerance);
      CHECK(max_difference(linear_add(input, residual, layer), expected.add(residual)) < tolerance);
    }
  }
}

// Also on processors whose layers go to oneDNN.
TEST_CASE("panels equal the formula for all heights of a tile, and refuse what does not fit") {
  if (cpu::instruction_set() == cpu::InstructionSet::other) {
    MESSAGE("this processor has no AVX2");
    return;
  }
  for (const int64_t rows : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 48, 50, 97}) {
    const int64_t in = rows % 2 == 0 ? 1027 : 40, out = 37;
    CAPTURE(rows);
    const Linear plain{at::randn({out, in}), at::randn({out})};
    const auto panels = detail::to_panels(plain.plain()->weight(), plain.plain()->bias());
    const at::Tensor input = at::randn({rows, in}), residual = at::randn({rows, out});
    const at::Tensor expected = reference(input, plain);
    const auto close = [&](const at::Tensor& found, const at::Tensor& exact) {
      REQUIRE(found.sizes() == exact.sizes());
      if (rows > 0) CHECK(max_difference(found, exact) < 1e-6 * static_cast<double>(in + 10));
    };
    close(detail::panel_linear(input, panels, detail::Activation::none), expected);
    close(detail::panel_linear(input, panels, detail::Activation::gelu), at::gelu(expected, "none"));
    close(detail::panel_linear(input, panels, detail::Activation::none, residual), expected.add(residual));
    const auto refused = [&](const at::Tensor& some, const at::Tensor& other) {
      CHECK_THROWS_AS((void)detail::panel_linear(some, panels, detail::Activation::none, other), c10::Error);
    };
    refused(at::randn({rows, in + 1}), {});
    refused(input.to(at::kDouble), {});
    refused(input, at::randn({rows + 1, out}));
    if (rows > 1) refused(at::randn({in, rows}).t(), {});
  }
}

TEST_CASE("both instruction sets multiply alike") {
  if (cpu::instruction_set() != cpu::InstructionSet::avx512) {
    MESSAGE("this processor has no AVX-512");
    return;
  }
  for (const int64_t rows : {1, 5, 6, 7, 11, 12, 30, 48}) {
    CAPTURE(rows);
    const int64_t in = 1030, out = 75;
    const at::Tensor weight = at::randn({out, in}), bias = at::randn({out});
    const at::Tensor input = at::randn({rows, in}), residual = at::randn({rows, out});
    const auto run = [&](const cpu::LinearKernel& kernel) {
      const int64_t panels = cpu::parts_of(out, kernel.panel), beyond = panels * kernel.panel - out;
      const at::Tensor values =
          at::constant_pad_nd(weight, {0, 0, 0, beyond}).view({panels, kernel.panel, in}).transpose(1, 2).contiguous();
      const at::Tensor all_bias = at::constant_pad_nd(bias, {0, beyond}), scratch = at::empty({cpu::linear_scratch});
      at::Tensor output = at::empty({rows, out});
      const cpu::LinearTask task{.input = input.const_data_ptr<float>(),
                                 .weight = values.const_data_ptr<float>(),
                                 .bias = all_bias.const_data_ptr<float>(),
                                 .residual = residual.const_data_ptr<float>(),
                                 .output = output.mutable_data_ptr<float>(),
                                 .inputs = in,
                                 .outputs = out,
                                 .gelu = true};
      kernel.run(task, 0, rows, 0, panels, scratch.mutable_data_ptr<float>());
      return output;
    };
    CHECK(max_difference(run(cpu::linear_float32_avx2), run(cpu::linear_float32_avx512)) < 1e-3);
  }
}

TEST_CASE("layers in int8 are exact for numbers that int8 holds") {
  if (!processor_has(Dtype::int8)) {
    MESSAGE("this processor has no AVX512-VNNI");
    return;
  }
  const int64_t sizes[][3] = {{1, 1, 1},      {2, 7, 3},      {6, 64, 64},    {7, 33, 65},
                              {31, 130, 100}, {97, 256, 192}, {500, 17, 129}, {200, 1024, 64}};
  for (const auto& size : sizes) {
    const auto rows = size[0], in = size[1], out = size[2];
    CAPTURE(rows);
    CAPTURE(in);
    CAPTURE(out);
    const Linear plain{whole_numbers(out, in).div_(4096), at::randn({out})};
    Linear packed = plain;
    pack(packed, Dtype::int8);
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor input = whole_numbers(rows, in).div_(64).to(dtype), residual = at::randn({rows, out}).to(dtype);
      const at::Tensor expected = reference(input, plain);
      const auto close = [&](const at::Tensor& found, const at::Tensor& exact, double absolute) {
        CHECK((found.scalar_type() == dtype));
        const double relative = dtype == at::kFloat ? 1e-5 : 1.0 / 256;
        const at::Tensor excess = found.to(at::kDouble).sub(exact).abs().sub(exact.abs().mul(relative));
        CHECK(excess.max().item<double>() < absolute);
      };
      close(linear(input, packed), expected, 1e-5);
      close(linear_gelu(input, packed), at::gelu(expected, "none"), 6e-4);
      close(linear_add(input, residual, packed), expected.add(residual), 1e-5);
    }
  }
}

TEST_CASE("int8: what is not a number stays one") {
  if (!processor_has(Dtype::int8)) {
    MESSAGE("this processor has no VNNI");
    return;
  }
  const at::Tensor input = at::randn({5, 70}), weight = at::randn({33, 70}), bias = at::randn({33});
  const auto count = [](const at::Tensor& rows) { return rows.isfinite().logical_not().sum().item<int64_t>(); };
  const auto multiply = [&](const at::Tensor& by, const at::Tensor& rows) {
    Linear layer{by, bias};
    pack(layer, Dtype::int8);
    return linear(rows, layer);
  };
  CHECK(count(multiply(weight, input)) == 0);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    at::Tensor damaged = weight.clone(), row = input.clone();
    damaged[7][3].fill_(bad);
    CHECK(count(multiply(damaged, input)) == 5);
    CHECK(count(multiply(damaged, input).select(1, 7)) == 5);
    row[2][69].fill_(bad);
    CHECK(count(multiply(weight, row)) == 33);
    CHECK(count(multiply(weight, row)[2]) == 33);
  }
  CHECK_THROWS_AS((void)multiply(weight, at::randn({5, 64})), c10::Error);
}

TEST_CASE("int8: rows of zeros, and numbers far apart") {
  if (!processor_has(Dtype::int8)) {
    MESSAGE("this processor has no AVX512-VNNI");
    return;
  }
  const at::Tensor weight = at::randn({8, 16}), bias = at::randn({8});
  weight[3].zero_();
  Linear layer{weight, bias};
  pack(layer, Dtype::int8);
  const at::Tensor input = at::zeros({3, 16});
  input[1].fill_(1e20F);
  const at::Tensor found = linear(input, layer);
  CHECK(found[0].equal(bias));
  CHECK(found[2].equal(bias));
  CHECK(found[1][3].equal(bias[3]));
  CHECK(found[1].isfinite().all().item<bool>());
}

TEST_CASE("every processor computes in float32, none here in float16 or float8") {
  CHECK(processor_has(Dtype::float32));
  CHECK(processor_has(Dtype::automatic));
  CHECK_FALSE(processor_has(Dtype::float16));
  CHECK_FALSE(processor_has(Dtype::float8));
}

TEST_CASE("each dtype but automatic stands for one format") {
  for (std::size_t i = 0; i < all_formats().size(); ++i) {
    CHECK(static_cast<std::size_t>(all_formats()[i]->dtype()) == i + 1);
  }
  CHECK(all_formats().size() + 1 == dtype_names().size());
}

TEST_CASE("a layer without a bias is missing, and says so") {
  const Linear layer(at::zeros({4, 4}), {});
  CHECK_FALSE(layer.is_defined());
  CHECK_THROWS_AS((void)layer.apply({at::zeros({1, 4})}), Error);
}

TEST_CASE("packing leaves the original alone, and happens once") {
  const Linear plain{at::randn({24, 40}), at::randn({24})};
  const at::Tensor before = plain.plain()->weight().clone(), input = at::randn({3, 40});
  Linear packed = plain;
  pack(packed);
  const at::Tensor once = linear(input, packed);
  pack(packed);
  CHECK(linear(input, packed).equal(once));
  CHECK(plain.plain()->weight().equal(before));
}

TEST_CASE("gelu within a layer, far from zero too") {
  Linear layer{at::ones({1, 1}), at::zeros({1})};
  pack(layer);
  const at::Tensor input = at::linspace(-30, 30, 10001, at::kFloat).unsqueeze(1);
  const at::Tensor expected = at::gelu(input.to(at::kDouble), "none");
  const at::Tensor excess = linear_gelu(input, layer).sub(expected).abs().sub(expected.abs().mul(3e-7));
  // Our own kernel keeps to 5e-7; oneDNN's, for AVX-512, comes to 8e-7.
  CHECK(excess.max().item<double>() < (dynamic_cast<const PanelsWeight*>(&layer.weight()) != nullptr ? 5e-7 : 1e-6));
}

TEST_CASE("layers in bfloat16") {
  if (!processor_has(Dtype::bfloat16)) {
    MESSAGE("this processor has no bfloat16");
    return;
  }
  const Linear plain{at::randn({65, 33}).to(at::kBFloat16).to(at::kFloat),
                     at::randn({65}).to(at::kBFloat16).to(at::kFloat)};
  Linear packed = plain;
  pack(packed, Dtype::bfloat16);
  const at::Tensor input = at::randn({15, 33}).to(at::kBFloat16), residual = at::randn({15, 65}).to(at::kBFloat16);
  const at::Tensor expected = reference(input.to(at::kFloat), plain);
  // Half a unit in the last place of 8 bits.
  const auto close = [](const at::Tensor& found, const at::Tensor& exact) {
    CHECK((found.scalar_type() == at::kBFloat16));
    CHECK(found.to(at::kDouble).sub(exact).abs().sub(exact.abs().div(256)).max().item<double>() < 1e-5);
  };
  close(linear(input, packed), expected);
  close(linear_gelu(input, packed), at::gelu(expected, "none"));
  close(linear_add(input, residual, packed), expected.add(residual));
}
