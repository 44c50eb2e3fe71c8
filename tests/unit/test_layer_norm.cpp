#include "support/doctest_torch.h"

#include <bit>
#include <cstdint>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/randn.h>

#include "bgem3/layers/input_embedding.h"
#include "kernels/cpu/layer_norm.h"
#include "kernels/cpu/processor.h"

using namespace bgem3;

namespace {

at::Tensor reference(const at::Tensor& hidden, const LayerNorm& norm, double eps) {
  return at::layer_norm(hidden.to(at::kDouble), norm.weight.sizes(), norm.weight.to(at::kDouble),
                        norm.bias.to(at::kDouble), eps);
}

}  // namespace

TEST_CASE("layer norm equals the formula at odd sizes") {
  const int64_t sizes[][2] = {{1, 1},    {3, 7},     {2, 16},   {5, 31},    {64, 64},
                              {65, 100}, {130, 384}, {7, 1023}, {200, 1024}};
  for (const auto& size : sizes) {
    CAPTURE(size[0]);
    CAPTURE(size[1]);
    const LayerNorm norm{at::randn({size[1]}), at::randn({size[1]})};
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor hidden = at::randn({size[0], size[1]}).mul_(3).add_(5).to(dtype);
      const at::Tensor expected = reference(hidden, norm, 1e-5);
      const double relative = dtype == at::kFloat ? 1e-5 : 1.0 / 256;
      const auto close = [&](const at::Tensor& found) {
        CHECK((found.scalar_type() == dtype));
        const at::Tensor excess = found.to(at::kDouble).sub(expected).abs().sub(expected.abs().mul(relative));
        CHECK(excess.max().item<double>() < 1e-5);
      };
      close(layer_norm(hidden, norm, 1e-5));
      const at::Tensor in_place = hidden.clone();
      layer_norm_into(in_place, in_place, norm, 1e-5);
      close(in_place);
    }
  }
}

// Only one set is taken by a processor, the widest; the others have to be right as well.
TEST_CASE("layer norm with AVX2 equals that with AVX-512") {
#if defined(__x86_64__)
  if (cpu::instruction_set() != cpu::InstructionSet::avx512) {
    MESSAGE("this processor has no AVX-512");
    return;
  }
  for (const int64_t size : {1, 7, 31, 100, 1024}) {
    CAPTURE(size);
    const at::Tensor weight = at::randn({size}), bias = at::randn({size}), hidden = at::randn({3, size});
    const auto run = [&](cpu::LayerNormKernel kernel, const at::Tensor& input) {
      at::Tensor output = at::empty_like(input);
      kernel({input.const_data_ptr(), output.mutable_data_ptr(), weight.const_data_ptr<float>(),
              bias.const_data_ptr<float>(), size, 1e-5F},
             0, 3);
      return output.to(at::kFloat);
    };
    const auto difference = [](const at::Tensor& a, const at::Tensor& b) {
      return a.sub(b).abs().max().item<double>();
    };
    const at::Tensor in_bfloat16 = hidden.to(at::kBFloat16);
    CHECK(difference(run(cpu::layer_norm_float32_avx2, hidden), run(cpu::layer_norm_float32_avx512, hidden)) < 1e-5);
    CHECK(difference(run(cpu::layer_norm_bfloat16_avx2, in_bfloat16),
                     run(cpu::layer_norm_bfloat16_avx512, in_bfloat16)) < 0.05);
  }
#endif
}

TEST_CASE("layer norm of numbers with a large mean, and of equal ones") {
  const LayerNorm norm{at::randn({96}), at::randn({96})};
  const at::Tensor hidden = at::randn({4, 96}).add_(1000);
  hidden[3].fill_(7);
  const at::Tensor found = layer_norm(hidden, norm, 1e-5);
  CHECK(found.sub(reference(hidden, norm, 1e-5)).abs().max().item<double>() < 1e-2);
  CHECK(found[3].equal(norm.bias));
}

TEST_CASE("layer norm keeps what is not a number") {
  const auto count = [](const at::Tensor& rows) { return rows.isfinite().logical_not().sum().item<int64_t>(); };
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const std::uint32_t bits : {0x7FC00000U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {  // the last two would round to 0
      CAPTURE(bits);
      const at::Tensor hidden = at::randn({4, 70}).to(dtype);
      const LayerNorm norm{at::randn({70}), at::randn({70})};
      norm.weight.mutable_data_ptr<float>()[33] = std::bit_cast<float>(bits);
      const at::Tensor found = layer_norm(hidden, norm, 1e-5);
      CHECK(count(found) == 4);
      CHECK(count(found.select(1, 33)) == 4);
    }
  }
  CHECK_THROWS_AS((void)layer_norm(at::randn({4, 70}), {at::randn({71}), at::randn({71})}, 1e-5), c10::Error);
}
