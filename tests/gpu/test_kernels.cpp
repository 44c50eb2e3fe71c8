#include "support/doctest_torch.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "bgem3/formats/float8.h"
#include "bgem3/kernels/cuda_ops.h"
#include "support/expect_error.h"
#include "support/row_reference.h"

using namespace bgem3;
using test::difference;
using test::tolerance;

namespace {

constexpr double eps = 1e-5;
// Fewer elements than lanes, a remainder for words and warps, the real size; rows around the four of a block.
const std::vector<int64_t> sizes = {1, 7, 31, 32, 384, 1023, 1024, 4096};
// … and more rows than have a block each.
const std::vector<int64_t> row_counts = {1, 3, 4, 5, 1000, 1030};
const std::vector<at::ScalarType> dtypes = {at::kFloat, at::kHalf, at::kBFloat16};

const detail::CudaOps& ops() { return detail::CudaOps::get(); }

at::Tensor random_on_gpu(std::vector<int64_t> shape, at::ScalarType dtype = at::kFloat) {
  return at::randn(shape).to(dtype).to(at::kCUDA);
}

at::Tensor no_fault() { return at::zeros({1}, at::device(at::kCUDA).dtype(at::kInt)); }

void for_all(const auto& work) {
  for (const auto dtype : dtypes) {
    for (const auto size : sizes) {
      for (const auto rows : row_counts) {
        CAPTURE(static_cast<int>(dtype));
        CAPTURE(size);
        CAPTURE(rows);
        work(rows, size, dtype);
      }
    }
  }
}

}  // namespace

TEST_CASE("residual and layer norm") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor hidden = random_on_gpu({rows, size}, dtype), residual = random_on_gpu({rows, size}, dtype);
    const at::Tensor weight = random_on_gpu({size}), bias = random_on_gpu({size});
    const at::Tensor found = ops().add_layer_norm(hidden, residual, weight, bias, eps);
    const at::Tensor expected = test::reference_add_layer_norm(hidden, residual, weight, bias, eps);
    CHECK((found.scalar_type() == dtype));
    CHECK(difference(found, expected) < 4 * tolerance(dtype));
  });
}

TEST_CASE("rows that begin off 16 bytes") {
  const at::Tensor weight = random_on_gpu({65}).narrow(0, 1, 64), bias = random_on_gpu({64});
  const at::Tensor hidden = random_on_gpu({3, 64}, at::kHalf), residual = random_on_gpu({3, 64}, at::kHalf);
  const at::Tensor found = ops().add_layer_norm(hidden, residual, weight, bias, eps);
  CHECK(difference(found, test::reference_add_layer_norm(hidden, residual, weight, bias, eps)) < 0.02);
}

TEST_CASE("embeddings and layer norm, in the dtype of the tables and in float32") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor ids = at::randint(50, {rows}, at::kLong).to(at::kCUDA), positions = at::arange(rows).to(at::kCUDA);
    const at::Tensor word = random_on_gpu({50, size}, dtype), position = random_on_gpu({rows, size}, dtype);
    const at::Tensor type = random_on_gpu({2, size}, dtype), weight = random_on_gpu({size}),
                     bias = random_on_gpu({size});
    for (const auto& types : {std::optional<at::Tensor>(), std::optional(ids.remainder(2))}) {
      const at::Tensor expected =
          test::reference_embed_layer_norm(ids, positions, types, word, position, type, weight, bias, eps);
      for (const auto output : {dtype, at::kFloat}) {
        const at::Tensor found =
            ops().embed_layer_norm(ids, positions, types, word, position, type, weight, bias, eps, output);
        CHECK((found.scalar_type() == output));
        CHECK(difference(found, expected) < 4 * std::max(tolerance(output), 1e-4));
      }
    }
  });
}

TEST_CASE("rows gathered, cut and normalised") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor hidden = random_on_gpu({rows, size}, dtype), flag = no_fault();
    const at::Tensor index = at::tensor({rows - 1, int64_t{0}}).to(at::kInt).to(at::kCUDA);
    for (const int64_t kept : {size, (size + 1) / 2}) {
      for (const bool normalize : {true, false}) {
        const at::Tensor all = ops().truncate_normalize(hidden, std::nullopt, kept, normalize, flag);
        const at::Tensor some = ops().truncate_normalize(hidden, index, kept, normalize, flag);
        CHECK(difference(all, test::reference_truncate_normalize(hidden, std::nullopt, kept, normalize)) < 1e-5);
        CHECK(difference(some, test::reference_truncate_normalize(hidden, index, kept, normalize)) < 1e-5);
      }
    }
    CHECK(flag.item<int>() == 0);
  });
}

TEST_CASE("weights of tokens") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor hidden = random_on_gpu({rows, size}, dtype), flag = no_fault();
    const at::Tensor weight = random_on_gpu({1, size}).div_(std::sqrt(size)), bias = random_on_gpu({1});
    const at::Tensor found = ops().token_weights(hidden, weight, bias, flag);
    CHECK(difference(found, test::reference_token_weights(hidden, weight, bias)) < 1e-4);
    CHECK(flag.item<int>() == 0);
  });
}

TEST_CASE("rows in e4m3") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor input = random_on_gpu({rows, size}, dtype);
    const auto found = detail::quantize_rows(input), expected = detail::quantize_rows(input.to(at::kCPU));
    CHECK(found.scale.to(at::kCPU).equal(expected.scale));
    CHECK(found.values.to(at::kCPU).to(at::kFloat).equal(expected.values.to(at::kFloat)));
  });
  at::Tensor rows = random_on_gpu({3, 40}, at::kBFloat16);
  rows[0].zero_();
  rows[1][39] = std::numeric_limits<float>::infinity();
  rows[2][0] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor found = detail::dequantize(detail::quantize_rows(rows)).to(at::kCPU);
  CHECK(found[0].eq(0).all().item<bool>());
  CHECK(found[1][39].isnan().item<bool>());
  CHECK(found[2][0].isnan().item<bool>());
}

TEST_CASE("rows that are rounded to e4m3 where they are computed") {
  for_all([](int64_t rows, int64_t size, at::ScalarType dtype) {
    const at::Tensor hidden = random_on_gpu({rows, size}, dtype), residual = random_on_gpu({rows, size}, dtype);
    const at::Tensor weight = random_on_gpu({size}), bias = random_on_gpu({size});
    const auto [normed, values, scale] = ops().add_layer_norm_quantize(hidden, residual, weight, bias, eps);
    CHECK(normed.equal(ops().add_layer_norm(hidden, residual, weight, bias, eps)));
    const auto of_norm = detail::quantize_rows(normed);
    CHECK(scale.equal(of_norm.scale));
    CHECK(values.to(at::kFloat).equal(of_norm.values.to(at::kFloat)));
    // GELU may differ in its last bit, and one that decides of a step of e4m3 by the step.
    const auto gelu = detail::gelu_quantize_rows(hidden), of_gelu = detail::quantize_rows(at::gelu(hidden));
    const at::Tensor off = detail::dequantize(gelu).sub(detail::dequantize(of_gelu)).abs();
    CHECK(off.le(detail::dequantize(of_gelu).abs().div(8).add(of_gelu.scale)).all().item<bool>());
    CHECK(off.gt(0).to(at::kFloat).mean().item<double>() < 0.01);
  });
}

TEST_CASE("NaN and infinity raise the flag, in any row") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const int64_t row : {0, 5, 8}) {
      at::Tensor hidden = random_on_gpu({9, 40}, at::kHalf);
      hidden[row][39] = bad;
      const at::Tensor rows_flag = no_fault(), weights_flag = no_fault();
      (void)ops().truncate_normalize(hidden, std::nullopt, 40, true, rows_flag);
      (void)ops().token_weights(hidden, random_on_gpu({1, 40}), random_on_gpu({1}), weights_flag);
      CHECK(rows_flag.item<int>() == 1);
      CHECK(weights_flag.item<int>() == 1);
    }
  }
}

TEST_CASE("what does not fit together is refused") {
  const at::Tensor hidden = random_on_gpu({2, 8}), weight = random_on_gpu({8});
  CHECK_THROWS((void)ops().add_layer_norm(hidden, random_on_gpu({2, 9}), weight, weight, eps));
  CHECK_THROWS((void)ops().add_layer_norm(hidden, random_on_gpu({2, 8}, at::kHalf), weight, weight, eps));
  CHECK_THROWS((void)ops().add_layer_norm(hidden, hidden, weight.to(at::kCPU), weight, eps));
  CHECK_THROWS((void)ops().add_layer_norm(hidden.t(), hidden.t(), weight, weight, eps));
  CHECK_THROWS((void)ops().truncate_normalize(hidden, std::nullopt, 9, true, no_fault()));
  CHECK_THROWS((void)ops().quantize_rows(hidden.t()));
}

TEST_CASE("no rows are no work") {
  const at::Tensor none = random_on_gpu({0, 8}), weight = random_on_gpu({8});
  CHECK(ops().add_layer_norm(none, none, weight, weight, eps).size(0) == 0);
  CHECK(ops().truncate_normalize(none, std::nullopt, 8, true, no_fault()).size(0) == 0);
  CHECK(detail::quantize_rows(none).values.size(0) == 0);
}
