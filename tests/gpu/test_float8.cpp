#include "support/doctest_torch.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ops/randn.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "bgem3/formats/float8.h"
#include "support/embeddings.h"
#include "support/expect_error.h"
#include "support/patched_model.h"
#include "support/row_reference.h"

using namespace bgem3;
using test::smallest_cosine;
namespace fs = std::filesystem;

namespace {

const fs::path tiny = fs::path(BGEM3_TEST_MODELS_DIR) / "tiny";

bool has_float8() {
  const CudaDevice device = cuda_devices()[0];
  if (device.compute_capability / 10 == 9) return true;
  MESSAGE("skipped: float8 needs compute capability 9.x (Hopper), this is a ", device.name);
  return false;
}

Embedder load(const std::string& device, Dtype dtype, const fs::path& model = tiny) {
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  return Embedder::load(model, options);
}

std::vector<std::string> sample_texts() {
  std::vector<std::string> texts = {"", "Hello World"};
  for (int words = 1; words < 200; words += 13) {
    std::string& text = texts.emplace_back();
    for (int word = 0; word < words; ++word) text += "word" + std::to_string(words * word % 1000) + " ";
  }
  return texts;
}

}  // namespace

TEST_CASE("a product in float8 is that of the CPU") {
  if (!has_float8()) return;
  const int64_t sizes[][3] = {{1, 64, 64}, {3, 16, 48}, {17, 1024, 3072}, {300, 4096, 1024}};
  for (const auto& size : sizes) {
    const auto rows = size[0], in = size[1], out = size[2];
    CAPTURE(rows);
    CAPTURE(in);
    const at::Tensor input = at::randn({rows, in}).to(at::kBFloat16), weight = at::randn({out, in});
    const at::Tensor bias = at::randn({out});
    const at::Tensor expected = Float8Weight(weight, bias, /*fast_sums=*/false).apply({input}, {}).plain;
    const Float8Weight on_gpu(weight.to(at::kCUDA), bias.to(at::kCUDA), /*fast_sums=*/false);
    const at::Tensor found = on_gpu.apply({input.to(at::kCUDA)}, {}).plain;
    CHECK((found.scalar_type() == at::kBFloat16));
    // Sums in another order, then rounded to eight bits.
    const double largest = expected.abs().max().item<double>();
    CHECK(test::difference(found, test::in_double(expected)) < largest / 128);
  }
}

TEST_CASE("fast sums are near the others") {
  if (!has_float8()) return;
  const at::Tensor input = at::randn({300, 4096}).to(at::kBFloat16).to(at::kCUDA);
  const at::Tensor weight = at::randn({1024, 4096}).to(at::kCUDA), bias = at::randn({1024}).to(at::kCUDA);
  const auto product = [&](bool fast) {
    return Float8Weight(weight, bias, fast).apply({input}, {}).plain.to(at::kCPU);
  };
  const at::Tensor exact = product(false);
  CHECK(test::difference(product(true), test::in_double(exact)) < exact.abs().max().item<double>() / 64);
}

TEST_CASE("an embedder in float8 is near the CPU's, and smaller than in bfloat16") {
  if (!has_float8()) return;
  const auto texts = sample_texts();
  const Embedder embedder = load("cuda", Dtype::float8), half = load("cuda", Dtype::bfloat16);
  const Matrix expected = load("cpu", Dtype::float32).encode(texts).dense;
  CHECK((embedder.info().dtype == Dtype::float8));
  CHECK(embedder.info().parameters == half.info().parameters);
  CHECK(embedder.info().weight_bytes < half.info().weight_bytes);
  EncodeOptions options;
  options.sparse = options.colbert = true;
  CHECK(smallest_cosine(embedder.encode(texts, options).dense, expected) > 0.98);
  CHECK(smallest_cosine(embedder.encode(texts).dense, expected) > 0.98);
  CHECK(smallest_cosine(load("cuda", Dtype::float8_fast).encode(texts).dense, expected) > 0.98);
  CHECK(embedder.statistics().recomputed_batches == 0);
}

TEST_CASE("weights that are not numbers are an error in float8, without a second try") {
  if (!has_float8()) return;
  const test::PatchedModel model(tiny);
  model.set_first("encoder.layer.1.output.dense.weight", std::numeric_limits<float>::quiet_NaN());
  const Embedder embedder = load("cuda", Dtype::float8, model.path());
  const auto message = test::expect_error(ErrorCode::bad_model, [&] { (void)embedder.encode({"Hello", "World"}); });
  CHECK(test::contains(message, "computed in float8"));
  CHECK(embedder.statistics().recomputed_batches == 0);
}
