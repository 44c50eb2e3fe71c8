#include "support/doctest_torch.h"

#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/empty.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "support/embeddings.h"
#include "support/expect_error.h"
#include "support/patched_model.h"

using namespace bgem3;
using test::expect_error;
using test::smallest_cosine;
namespace fs = std::filesystem;

namespace {

const fs::path tiny = fs::path(BGEM3_TEST_MODELS_DIR) / "tiny";

Embedder load(const std::string& device, Dtype dtype = Dtype::automatic, const fs::path& model = tiny) {
  LoadOptions options;
  options.device = device;
  options.dtype = dtype;
  return Embedder::load(model, options);
}

EncodeOptions all_kinds() {
  EncodeOptions options = test::all_kinds();
  options.batch_tokens = 512;  // several batches, one behind the other
  return options;
}

std::vector<std::string> sample_texts(unsigned seed, int count) {
  std::mt19937 random(seed);
  std::vector<std::string> texts = {"", "Hello World", "Hello World"};
  while (static_cast<int>(texts.size()) < count) {
    std::string text;
    for (auto words = random() % 200; words > 0; --words) text += "word" + std::to_string(random() % 1000) + " ";
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

TEST_CASE("every kind equals the CPU's, as far as the dtype goes") {
  const auto texts = sample_texts(1, 40);
  const Embeddings expected = load("cpu").encode(texts, all_kinds());
  struct Expectation {
    Dtype dtype;
    double cosine;
    double weight;
  };
  for (const auto& [dtype, cosine, weight] :
       {Expectation{Dtype::float32, 0.999999, 1e-4}, {Dtype::float16, 0.9999, 2e-2}, {Dtype::bfloat16, 0.999, 1e-1}}) {
    CAPTURE(to_string(dtype));
    const Embedder embedder = load("cuda", dtype);
    const Embeddings found = embedder.encode(texts, all_kinds());
    CHECK(smallest_cosine(found.dense, expected.dense) > cosine);
    CHECK(found.token_counts == expected.token_counts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(smallest_cosine(found.colbert[i], expected.colbert[i]) > cosine - 1e-3);
      for (const auto& token : found.sparse[i]) CHECK(token.weight < 100);
      double difference = 0;
      for (std::size_t k = 0; k < std::min(found.sparse[i].size(), expected.sparse[i].size()); ++k) {
        if (found.sparse[i][k].id != expected.sparse[i][k].id) break;  // a weight near zero, rounded to it
        difference = std::max<double>(difference, std::abs(found.sparse[i][k].weight - expected.sparse[i][k].weight));
      }
      CHECK(difference < weight);
    }
    // The shortcut through first tokens.
    CHECK(smallest_cosine(embedder.encode(texts).dense, expected.dense) > cosine);
    CHECK(embedder.statistics().recomputed_batches == 0);
  }
}

TEST_CASE("info tells of the GPU") {
  const Embedder embedder = load("cuda");
  CHECK(embedder.info().device == "cuda:0");
  CHECK((embedder.info().dtype == Dtype::float16));
  CHECK(embedder.info().weight_bytes < load("cpu").info().weight_bytes);
}

TEST_CASE("many threads on one embedder get what one gets") {
  const Embedder embedder = load("cuda", Dtype::float32);
  const auto texts = sample_texts(2, 30);
  const Matrix expected = embedder.encode(texts, all_kinds()).dense;
  std::vector<Matrix> found(8);
  std::vector<std::thread> threads;
  for (auto& result : found) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) result = embedder.encode(texts, all_kinds()).dense;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : found) CHECK(test::max_difference(result, expected) < 1e-5);
}

TEST_CASE("device memory stays flat, and is given back") {
  const Embedder embedder = load("cuda");
  for (unsigned call = 0; call < 30; ++call) (void)embedder.encode(sample_texts(call, 20), all_kinds());
  const int64_t after_warm_up = cuda_memory_held("cuda");
  for (unsigned call = 30; call < 200; ++call) (void)embedder.encode(sample_texts(call, 20), all_kinds());
  CHECK(cuda_memory_held("cuda") <= after_warm_up + (int64_t{16} << 20));
  embedder.release_memory();
  CHECK(cuda_memory_held("cuda") < after_warm_up);
}

TEST_CASE("float16 that overflows is computed again in float32, and counted") {
  const test::PatchedModel model(tiny);
  // gelu(100) * 60000 is beyond 65504.
  model.set_first("encoder.layer.0.intermediate.dense.bias", 100);
  model.set_first("encoder.layer.0.output.dense.weight", 60000);
  const auto texts = sample_texts(3, 20);
  const Matrix expected = load("cpu", Dtype::float32, model.path()).encode(texts, all_kinds()).dense;
  const Embedder embedder = load("cuda", Dtype::float16, model.path());
  CHECK(smallest_cosine(embedder.encode(texts, all_kinds()).dense, expected) > 0.999);
  CHECK(embedder.statistics().recomputed_batches > 0);
}

TEST_CASE("a result that is not a number in float32 either is an error") {
  const test::PatchedModel model(tiny);
  model.set_first("encoder.layer.2.output.LayerNorm.bias", std::numeric_limits<float>::quiet_NaN());
  const Embedder embedder = load("cuda", Dtype::float16, model.path());
  const auto message = expect_error(ErrorCode::bad_model, [&] { (void)embedder.encode({"Hello", "World"}); });
  CHECK(test::contains(message, "text 0 of the call"));
}

TEST_CASE("a GPU without memory: out_of_memory for the call, and the embedder works on") {
  const Embedder embedder = load("cuda");
  const auto texts = sample_texts(4, 40);
  const Matrix expected = embedder.encode(texts).dense;
  embedder.release_memory();
  {
    std::vector<at::Tensor> hoard;
    for (int64_t bytes = int64_t{1} << 30; bytes >= 512; bytes /= 2) {
      try {
        for (;;) hoard.push_back(at::empty({bytes}, at::device(at::kCUDA).dtype(at::kByte)));
      } catch (const c10::OutOfMemoryError&) {
      }
    }
    // Short texts of this model find room in what the stream's libraries left of their segments.
    std::string long_text;
    for (int word = 0; word < 8000; ++word) long_text += "bread ";
    expect_error(ErrorCode::out_of_memory, [&] { (void)embedder.encode({long_text, "another " + long_text}); });
    CHECK(embedder.statistics().batch_tokens_fit > 0);
  }
  CHECK(test::max_difference(embedder.encode(texts).dense, expected) < 1e-3);
  embedder.release_memory();
  CHECK(embedder.statistics().batch_tokens_fit == 0);
}

TEST_CASE("a stopped call leaves the embedder usable") {
  const Embedder embedder = load("cuda");
  EncodeOptions options = all_kinds();
  int calls = 0;
  options.on_progress = [&](const Progress&) { return ++calls < 3; };
  expect_error(ErrorCode::cancelled, [&] { (void)embedder.encode(sample_texts(5, 30), options); });
  CHECK(embedder.encode({"after"}).dense.rows() == 1);
}
