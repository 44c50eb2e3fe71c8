#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/bgem3.h"
#include "bgem3/eigen.h"

using namespace bgem3;

TEST_CASE("many threads on one Embedder give the vectors of one thread") {
  const Embedder embedder = Embedder::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny");
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i * i) + std::string(i % 9, 'x') + " 世界");
  EncodeOptions options;
  options.sparse = options.colbert = true;
  options.tokenizer_threads = 2;
  const Embeddings expected = embedder.encode(texts, options);

  std::atomic<int> mismatches = 0;
  const auto work = [&](int thread) {
    EncodeOptions own = options;
    own.batch_size = static_cast<std::size_t>(1 + thread * 3);
    for (int round = 0; round < 4; ++round) {
      const Embeddings found = embedder.encode(texts, own);
      if ((as_eigen(found.dense) - as_eigen(expected.dense)).cwiseAbs().maxCoeff() > 1e-5F) ++mismatches;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (found.sparse[i].size() != expected.sparse[i].size()) ++mismatches;
        if ((as_eigen(found.colbert[i]) - as_eigen(expected.colbert[i])).cwiseAbs().maxCoeff() > 1e-5F) ++mismatches;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) threads.emplace_back(work, thread);
  for (auto& thread : threads) thread.join();
  CHECK(mismatches == 0);
}
