#include "support/doctest_torch.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/randn.h>

#include "bgem3/input_embedding.h"

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

TEST_CASE("layer norm of numbers with a large mean, and of equal ones") {
  const LayerNorm norm{at::randn({96}), at::randn({96})};
  const at::Tensor hidden = at::randn({4, 96}).add_(1000);
  hidden[3].fill_(7);
  const at::Tensor found = layer_norm(hidden, norm, 1e-5);
  CHECK(found.sub(reference(hidden, norm, 1e-5)).abs().max().item<double>() < 1e-2);
  CHECK(found[3].equal(norm.bias));
}
