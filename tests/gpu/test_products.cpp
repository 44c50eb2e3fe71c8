#include "support/doctest_torch.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include "bgem3/kernels/cuda_ops.h"
#include "support/row_reference.h"

using namespace bgem3;
using test::difference;

namespace {

struct Layer {
  at::Tensor weight, bias;
};

at::Tensor random_on_gpu(std::vector<int64_t> shape, at::ScalarType dtype) {
  return at::randn(shape).to(dtype).to(at::kCUDA);
}

Layer random_layer(int64_t inputs, int64_t outputs, at::ScalarType dtype) {
  return {random_on_gpu({outputs, inputs}, dtype), random_on_gpu({outputs}, dtype)};
}

at::Tensor multiply(const at::Tensor& input, const Layer& layer, bool gelu) {
  return detail::CudaOps::get().product(input, layer.weight, layer.bias, gelu);
}

// In float32, on the GPU.
at::Tensor reference(const at::Tensor& input, const Layer& layer, bool gelu) {
  const at::Tensor rows = at::linear(input.to(at::kFloat), layer.weight.to(at::kFloat), layer.bias.to(at::kFloat));
  return gelu ? at::gelu(rows, "tanh") : rows;
}

// What rounding the result leaves of numbers around `size`.
double tolerance(at::ScalarType dtype, double size) { return (dtype == at::kHalf ? 1e-3 : 8e-3) * size; }

}  // namespace

TEST_CASE("products of every choice are right, also for rows that share one") {
  const c10::InferenceMode guard;
  for (const auto dtype : {at::kHalf, at::kBFloat16, at::kFloat}) {
    for (const auto& [inputs, outputs] :
         {std::pair<int64_t, int64_t>{1024, 3072}, {1024, 1024}, {4096, 1024}, {384, 40}}) {
      const Layer layer = random_layer(inputs, outputs, dtype);
      // Around the first that are tuned, and within a step of rows.
      for (const int64_t rows : {1, 2047, 2048, 2049, 2500, 2560, 2561, 6144}) {
        for (const bool gelu : {false, true}) {
          CAPTURE(static_cast<int>(dtype));
          CAPTURE(inputs);
          CAPTURE(outputs);
          CAPTURE(rows);
          CAPTURE(gelu);
          const at::Tensor input = random_on_gpu({rows, inputs}, dtype);
          const at::Tensor found = multiply(input, layer, gelu);
          const at::Tensor expected = reference(input, layer, gelu);
          CHECK((found.scalar_type() == dtype));
          CHECK(difference(found, expected) < tolerance(dtype, expected.abs().max().item<double>()));
        }
      }
    }
  }
}

TEST_CASE("a choice holds: the same product again has the same bits, on other threads, too") {
  const c10::InferenceMode guard;
  const Layer layer = random_layer(1024, 4096, at::kHalf);
  const at::Tensor input = random_on_gpu({3001, 1024}, at::kHalf);
  const at::Tensor first = multiply(input, layer, true);
  CHECK(at::equal(multiply(input, layer, true), first));
  std::vector<int> equal(8);
  std::vector<std::thread> threads;
  for (int& result : equal) {
    threads.emplace_back([&] {
      const c10::InferenceMode inner;
      for (int i = 0; i < 20; ++i) result += at::equal(multiply(input, layer, true), first) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int result : equal) CHECK(result == 20);
}

TEST_CASE("deterministic algorithms are LibTorch's") {
  const c10::InferenceMode guard;
  const Layer layer = random_layer(1024, 1024, at::kHalf);
  const at::Tensor input = random_on_gpu({4096, 1024}, at::kHalf);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  const at::Tensor found = multiply(input, layer, false), expected = at::linear(input, layer.weight, layer.bias);
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/true);
  CHECK(at::equal(found, expected));
}

TEST_CASE("views that are off 256 bytes are multiplied, too") {
  const c10::InferenceMode guard;
  const Layer layer = random_layer(1024, 1024, at::kHalf);
  const at::Tensor input =
      random_on_gpu({2501, 1024}, at::kHalf).flatten().narrow(0, 8, 2500 * 1024).view({2500, 1024});
  const at::Tensor expected = reference(input, layer, false);
  CHECK(difference(multiply(input, layer, false), expected) <
        tolerance(at::kHalf, expected.abs().max().item<double>()));
}
