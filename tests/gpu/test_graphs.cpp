#include "support/doctest_torch.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "bgem3/reranker.h"
#include "support/embeddings.h"
#include "support/patched_model.h"

using namespace bgem3;
using test::all_kinds;
using test::check_close;
using test::max_difference;
using test::smallest_cosine;
namespace fs = std::filesystem;

// The logic around graphs is tested on the CPU (tests/unit/test_graphs.cpp); here is what only a GPU shows.

namespace {

const fs::path models = BGEM3_TEST_MODELS_DIR;

LoadOptions on_cuda(bool graphs, Dtype dtype) {
  LoadOptions options;
  options.device = "cuda";
  options.dtype = dtype;
  options.cuda_graphs = graphs;
  return options;
}

Embedder load(bool graphs, Dtype dtype = Dtype::float32, const fs::path& model = models / "tiny") {
  return Embedder::load(model, on_cuda(graphs, dtype));
}

std::string text_of(std::size_t words, std::size_t seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::string text = std::to_string(seed);
  for (; words > 0; --words) text += " word" + std::to_string(random() % 1000);
  return text;
}

std::vector<std::string> texts_of(std::size_t count, std::size_t words, std::size_t seed) {
  std::vector<std::string> texts = {""};
  while (texts.size() < count) texts.push_back(text_of(texts.size() * 13 % (words + 1), seed + texts.size()));
  return texts;
}

}  // namespace

TEST_CASE("graphs are used where they are asked for") {
  const Embedder without = load(false), with = load(true);
  (void)without.encode({"Hello World"});
  for (int call = 0; call < 3; ++call) (void)with.encode({"Hello World"});
  CHECK(without.statistics().graph_batches == 0);
  CHECK(with.statistics().graph_batches == 3);
}

TEST_CASE("with graphs and without, vectors of all sizes are the same") {
  const Embedder without = load(false), with = load(true);
  for (std::size_t words = 0; words < 180; words += words < 40 ? 1 : 7) {
    CAPTURE(words);
    const std::vector<std::string> texts = {text_of(words, words)};
    check_close(with.encode(texts), without.encode(texts), 1e-5, 10);
    check_close(with.encode(texts, all_kinds()), without.encode(texts, all_kinds()), 1e-5, 10);
  }
  for (const std::size_t batch_size : {2, 3, 7, 12}) {
    CAPTURE(batch_size);
    EncodeOptions options = all_kinds();
    options.batch_size = batch_size;
    const auto texts = texts_of(30, 40, batch_size);
    check_close(with.encode(texts, options), without.encode(texts, options), 1e-5, 10);
    options.truncate_dim = 16;
    options.normalize = false;
    check_close(with.encode(texts, options), without.encode(texts, options), 1e-4, 10);
  }
  CHECK(with.statistics().graph_batches > 100);
}

TEST_CASE("in half precision too") {
  const Embedder without = load(false, Dtype::float16), with = load(true, Dtype::float16);
  for (std::size_t words = 0; words < 100; words += 3) {
    const std::vector<std::string> texts = {text_of(words, words), text_of(words / 2, words + 1000)};
    CHECK(smallest_cosine(with.encode(texts).dense, without.encode(texts).dense) > 0.9999);
  }
  CHECK(with.statistics().graph_batches > 0);
  CHECK(with.statistics().recomputed_batches == 0);
}

TEST_CASE("and in float8, where the GPU has it") {
  if (cuda_devices()[0].compute_capability / 10 != 9) {
    MESSAGE("skipped: float8 needs compute capability 9.x (Hopper)");
    return;
  }
  const auto texts = texts_of(30, 60, 6);
  for (const auto dtype : {Dtype::float8, Dtype::float8_fast}) {
    const Embedder without = load(false, dtype), with = load(true, dtype);
    CHECK(smallest_cosine(with.encode(texts).dense, without.encode(texts).dense) > 0.999);
    CHECK(with.statistics().graph_batches > 0);
  }
}

TEST_CASE("batches of a call that follow each other in one graph keep their own results") {
  const Embedder without = load(false), with = load(true);
  EncodeOptions options = all_kinds();
  options.batch_size = 1;
  std::vector<std::string> texts;
  for (std::size_t seed = 0; seed < 200; ++seed) texts.push_back(text_of(8, seed));
  check_close(with.encode(texts, options), without.encode(texts, options), 1e-5, 10);
}

TEST_CASE("whoever frees LibTorch's cuBLAS workspaces does not take those of graphs") {
  void* const library = dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_NOLOAD);
  REQUIRE(library != nullptr);
  const auto clear_workspaces = reinterpret_cast<void (*)()>(dlsym(library, "_ZN2at4cuda21clearCublasWorkspacesEv"));
  REQUIRE((clear_workspaces != nullptr));
  const Embedder with = load(true);
  const Matrix expected = with.encode({"Hello World"}).dense;
  clear_workspaces();
  c10::getDeviceAllocator(at::kCUDA)->emptyCache();
  CHECK(max_difference(with.encode({"Hello World"}).dense, expected) == 0);
  CHECK(max_difference(load(false).encode({"Hello World"}).dense, expected) < 1e-5);
  CHECK(with.statistics().graph_batches == 2);
}

TEST_CASE("a cross-encoder's scores are the same") {
  if (!fs::exists(models / "tiny-reranker")) {
    MESSAGE("skipped: models/tiny-reranker is not there; making it needs transformers");
    return;
  }
  const auto without = Reranker::load(models / "tiny-reranker", on_cuda(false, Dtype::float32));
  const auto with = Reranker::load(models / "tiny-reranker", on_cuda(true, Dtype::float32));
  std::vector<std::string> texts;
  for (std::size_t seed = 0; seed < 20; ++seed) texts.push_back(text_of(seed, seed));
  std::vector<TextPair> pairs;
  for (const auto& text : texts) pairs.push_back({"a query", text});
  const auto expected = without.score(pairs), found = with.score(pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-4);
}

TEST_CASE("many threads with graphs get what one gets") {
  const Embedder with = load(true);
  const auto texts = texts_of(30, 40, 1);
  EncodeOptions options = all_kinds();
  options.batch_size = 4;
  const Matrix expected = load(false).encode(texts, options).dense;
  std::vector<Matrix> found(8);
  std::vector<std::thread> threads;
  for (auto& result : found) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) result = with.encode(texts, options).dense;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : found) CHECK(max_difference(result, expected) < 1e-5);
  CHECK(with.statistics().graph_batches > 0);
}

TEST_CASE("memory stays flat, is given back with the graphs, and they come again") {
  const Embedder with = load(true);
  const auto texts = texts_of(12, 60, 2);
  const Matrix expected = with.encode(texts).dense;
  with.release_memory();
  const int64_t without_graphs = cuda_memory_held("cuda");
  const auto run = [&](std::size_t calls) {
    for (std::size_t call = 0; call < calls; ++call) {
      (void)with.encode({text_of(call % 120, call)}, call % 2 == 0 ? all_kinds() : EncodeOptions());
    }
  };
  run(500);
  const int64_t after_warm_up = cuda_memory_held("cuda");
  run(2000);
  CHECK(cuda_memory_held("cuda") <= after_warm_up + (int64_t{4} << 20));
  with.release_memory();
  CHECK(cuda_memory_held("cuda") <= without_graphs + (int64_t{4} << 20));
  const auto before = with.statistics().graph_batches;
  CHECK(max_difference(with.encode(texts).dense, expected) < 1e-5);
  CHECK(with.encode({"small"}).dense.rows() == 1);
  CHECK(with.statistics().graph_batches > before);
}

TEST_CASE("float16 that overflows in a graph is computed again in float32") {
  const test::PatchedModel model(models / "tiny");
  model.set_first("encoder.layer.0.intermediate.dense.bias", 100);
  model.set_first("encoder.layer.0.output.dense.weight", 60000);
  const Embedder with = load(true, Dtype::float16, model.path());
  const Matrix expected = load(false, Dtype::float32, model.path()).encode({"Hello World"}).dense;
  CHECK(smallest_cosine(with.encode({"Hello World"}).dense, expected) > 0.999);
  CHECK(with.statistics().graph_batches == 1);
  CHECK(with.statistics().recomputed_batches == 1);
}
