#include "support/doctest_torch.h"

#include <cmath>
#include <limits>

#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "bgem3/layers/linear.h"
#include "support/expect_error.h"
#include "support/tiny_weights.h"

using namespace bgem3;
using detail::dequantize;
using detail::quantize_rows;

// The arithmetic of float8 on the CPU, where products are those of the numbers that e4m3 holds, in float32. That a GPU
// comes to the same is in tests/gpu.

namespace {

const int64_t sizes[][3] = {{1, 1, 1},      {2, 7, 3},      {6, 64, 64},    {7, 33, 65},
                            {31, 130, 100}, {97, 256, 192}, {300, 17, 129}, {64, 1024, 64}};

Linear in_float8(const Linear& plain) {
  Linear layer = plain;
  layer.pack(format_of(Dtype::float8));
  return layer;
}

const Float8Weight& weight_of(const Linear& layer) { return dynamic_cast<const Float8Weight&>(layer.weight()); }

// x · Wᵀ in double precision.
at::Tensor product(const at::Tensor& input, const at::Tensor& weight) {
  return at::matmul(input.to(at::kDouble), weight.to(at::kDouble).t());
}

// [rows, size] of whole numbers from -7 to 7, with a 7 in each row: the scale is 7 / 448 = 1 / 64, nothing is rounded.
at::Tensor whole_numbers(int64_t rows, int64_t size) {
  at::Tensor numbers = at::randint(-7, 8, {rows, size}, at::kFloat);
  numbers.select(1, size / 2).fill_(-7);
  return numbers;
}

// Found in bfloat16: half a unit in the last place of 8 bits.
void check_rounded(const at::Tensor& found, const at::Tensor& exact) {
  CHECK((found.scalar_type() == at::kBFloat16));
  CHECK(found.to(at::kDouble).sub(exact).abs().sub(exact.abs().div(256)).max().item<double>() < 1e-5);
}

}  // namespace

TEST_CASE("numbers that e4m3 holds are kept exactly, whatever the scale") {
  const at::Tensor bytes = at::randint(0, 0x7f, {9, 40}, at::kByte);  // all but NaN, both signs
  const at::Tensor signs = at::randint(0, 2, {9, 40}, at::kByte).mul(0x80);
  const at::Tensor values = bytes.bitwise_or(signs).view(at::kFloat8_e4m3fn).to(at::kFloat);
  values.select(1, 3).fill_(448);
  const at::Tensor scale = at::pow(2, at::randint(-20, 20, {9, 1}, at::kFloat));
  const auto found = quantize_rows(values.mul(scale));
  CHECK((found.values.scalar_type() == at::kFloat8_e4m3fn));
  CHECK(found.values.to(at::kFloat).equal(values));
  CHECK(found.scale.equal(scale));
  CHECK(dequantize(found).equal(values.mul(scale)));
}

TEST_CASE("the rest is rounded to the nearest, half to even, and down to zero") {
  const at::Tensor given = at::tensor({448., 17., 19., -21.1, 432.1, 1.07, 0.0009, 0.0011, -0.0049});
  const at::Tensor expected = at::tensor({448., 16., 20., -22., 448., 1.125, 0., 1. / 512, -2.5 / 512});
  const at::Tensor found = dequantize(quantize_rows(given.to(at::kFloat).unsqueeze(0)))[0];
  // Below 2^-6 numbers are multiples of 2^-9.
  CHECK(found.narrow(0, 0, 8).equal(expected.narrow(0, 0, 8).to(at::kFloat)));
  CHECK(std::abs(found[8].item<double>() + 0.0049) <= 0.5 / 512);
}

TEST_CASE("zeros, numbers far apart, and what is none") {
  const float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();
  at::Tensor rows = at::randn({6, 16});
  rows[0].zero_();
  rows[1].mul_(1e-30);
  rows[2].mul_(1e37);
  rows[3][5] = not_a_number;
  rows[4][5] = -infinity;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor found = dequantize(quantize_rows(rows.to(dtype)));
    CHECK(found[0].eq(0).all().item<bool>());
    CHECK(found[1].abs().max().item<float>() < 1e-15F);
    CHECK(found[2].div(rows[2]).sub(1).abs().min().item<double>() < 0.07);
    CHECK(found[2].isfinite().all().item<bool>());
    CHECK(found[3].isnan().any().item<bool>());
    CHECK(found[4].isnan().any().item<bool>());
    CHECK(found[5].isfinite().all().item<bool>());
  }
}

TEST_CASE("layers in float8 are exact, but for rounding of the result, for numbers that e4m3 holds") {
  for (const auto& size : sizes) {
    const auto rows = size[0], in = size[1], out = size[2];
    CAPTURE(rows);
    CAPTURE(in);
    CAPTURE(out);
    const at::Tensor bias = at::randn({out}).to(at::kBFloat16), residual = at::randn({rows, out}).to(at::kBFloat16);
    const at::Tensor weight = whole_numbers(out, in).div(64), input = whole_numbers(rows, in).div(16).to(at::kBFloat16);
    const Linear layer = in_float8({weight, bias.to(at::kFloat)});
    const at::Tensor expected = product(input, weight).add(bias);
    const at::Tensor found = linear(input, layer);
    check_rounded(found, expected);
    check_rounded(linear_gelu(input, layer), at::gelu(found.to(at::kDouble), "none"));
    check_rounded(linear_add(input, residual, layer), found.to(at::kDouble).add(residual));
    CHECK((linear(input.to(at::kFloat), layer).scalar_type() == at::kFloat));
  }
}

TEST_CASE("layers in float8 stay within what four bits cost") {
  for (const auto& size : sizes) {
    const auto rows = size[0], in = size[1], out = size[2];
    CAPTURE(in);
    const at::Tensor input = at::randn({rows, in}).to(at::kBFloat16), weight = at::randn({out, in});
    const at::Tensor found = linear(input, in_float8({weight, at::zeros({out})})).to(at::kDouble);
    const at::Tensor difference = found.sub(product(input, weight)).abs();
    // A factor is off by a sixteenth of itself, or by half the smallest step: 2^-10 where the largest is 448.
    const auto off = [](const at::Tensor& factor) {
      return factor.abs().div(16).add(factor.abs().amax(1, true).div(448 * 1024));
    };
    const at::Tensor all = product(input.abs().add(off(input)), weight.abs().add(off(weight)));
    const at::Tensor bound = all.sub(product(input.abs(), weight.abs())).add(all.div(256));
    CHECK(difference.le(bound.add(1e-6)).all().item<bool>());
    // Errors of single numbers cancel out.
    if (in >= 64) CHECK(difference.norm().div(found.norm()).item<double>() < 0.05);
  }
}

TEST_CASE("an encoder is bound in float8: layers quantised, the rest in bfloat16") {
  const ModelConfig config = test::tiny_config();
  const TensorMap tensors = test::tiny_tensors(config);
  bert::Weights weights = bert::bind(config, tensors, {at::kCPU, at::kBFloat16, &format_of(Dtype::float8)});
  CHECK((weights.input.word.scalar_type() == at::kBFloat16));
  CHECK((weights.layers[0].attention.norm.weight.scalar_type() == at::kFloat));
  for (auto& layer : weights.layers) {
    for (const auto* linear : bert::linear_layers(layer))
      CHECK((weight_of(*linear).bias().scalar_type() == at::kBFloat16));
  }
  // From what the file has, not from that in bfloat16.
  const auto expected = quantize_rows(tensors.at("encoder.layer.1.output.dense.weight"));
  const auto& down = weight_of(weights.layers[1].feed_forward.down).rows();
  CHECK(down.values.to(at::kFloat).equal(expected.values.to(at::kFloat)));
  CHECK(down.scale.equal(expected.scale));
  CHECK((weight_of(weights.layers[0].attention.qkv).rows().values.size(0) == 3 * config.hidden_size));
}

TEST_CASE("an encoder that cannot be bound in float8 says why") {
  ModelConfig config = test::tiny_config();
  TensorMap tensors = test::tiny_tensors(config);
  tensors.erase("encoder.layer.0.attention.self.key.bias");
  tensors.erase("encoder.layer.1.output.dense.weight");
  const Placement float8{at::kCPU, at::kBFloat16, &format_of(Dtype::float8)};
  const auto bind = [&] { (void)bert::bind(config, tensors, float8); };
  CHECK(test::contains(test::expect_error(ErrorCode::bad_model, bind), "2 problem(s)"));
  config.intermediate_size = 72;
  CHECK(test::contains(test::expect_error(ErrorCode::invalid_argument, bind),
                       "multiples of 16, this model has hidden_size 32 and intermediate_size 72; use float16"));
}
