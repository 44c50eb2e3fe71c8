#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include "bgem3/bgem3.h"
#include "bgem3/eigen.h"
#include "model/thread_count.h"
#include "support/expect_error.h"

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

namespace {

std::vector<std::string> sample_texts() {
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) texts.push_back("text " + std::to_string(i * i) + std::string(i % 9, 'x') + " 世界");
  return texts;
}

// What explicit numbers of threads need: see ThreadCount.
bool can_set_threads() {
  const ThreadCount two(2);
  if (ThreadCount::of_libtorch() != 2) return false;
  const ThreadCount one(1);
  return ThreadCount::of_libtorch() == 1;
}

LoadOptions with_threads(unsigned threads, unsigned parallel_calls) {
  LoadOptions options;
  options.threads = threads;
  options.parallel_calls = parallel_calls;
  return options;
}

}  // namespace

TEST_CASE("results do not depend on the number of threads, and the calling thread keeps its own") {
  if (!can_set_threads()) return;
  const auto directory = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny";
  EncodeOptions options;
  options.sparse = options.colbert = true;
  const auto texts = sample_texts();
  std::optional<Embeddings> expected;
  const unsigned before = ThreadCount::of_libtorch();
  for (const unsigned threads : {1U, 2U, 3U}) {
    const Embedder embedder = Embedder::load(directory, with_threads(threads, 1));
    CHECK(embedder.info().threads == threads);
    CHECK(embedder.info().parallel_calls == 1);
    unsigned in_callback = 0;
    options.on_progress = [&](const Progress&) { return in_callback = ThreadCount::of_libtorch(), true; };
    const Embeddings found = embedder.encode(texts, options);
    CHECK(in_callback == before);
    CHECK(ThreadCount::of_libtorch() == before);
    if (!expected) expected = found;
    CHECK((as_eigen(found.dense) - as_eigen(expected->dense)).cwiseAbs().maxCoeff() <= 1e-6F);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK((as_eigen(found.colbert[i]) - as_eigen(expected->colbert[i])).cwiseAbs().maxCoeff() <= 1e-5F);
    }
  }
}

TEST_CASE("calls leave the processors that their threads may run on as they were") {
  if (!can_set_threads()) return;
  const ThreadCount two(2);
  const auto affinities = [] {
    std::array<cpu_set_t, 2> found{};
    at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t) {
      REQUIRE(::sched_getaffinity(0, sizeof(cpu_set_t), &found.at(static_cast<std::size_t>(begin))) == 0);
    });
    return found;
  };
  const auto before = affinities();
  const Embedder embedder = Embedder::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny", with_threads(2, 1));
  for (int call = 0; call < 5; ++call) {
    (void)embedder.encode({"a text"});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // so that they are woken again
    const auto after = affinities();
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(CPU_EQUAL(&before.at(i), &after.at(i)));
  }
}

TEST_CASE("threads that cannot be followed are refused") {
  const auto directory = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny";
  const auto load = [&](unsigned threads) { (void)Embedder::load(directory, with_threads(threads, 0)); };
  const std::string found = test::expect_error(ErrorCode::invalid_argument, [&] { load(1025); });
  CHECK(found == "threads should be at most 1024, found 1025");
  if (!can_set_threads()) {
    const unsigned other = ThreadCount::of_libtorch() + 1;
    const std::string reason = test::expect_error(ErrorCode::invalid_argument, [&] { load(other); });
    CHECK(test::contains(reason, "do not share an OpenMP runtime"));
  }
}

TEST_CASE("a callback may encode on the same model, itself or by another thread that it waits for") {
  const Embedder embedder = Embedder::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny", with_threads(0, 1));
  const auto expected = embedder.encode(sample_texts());
  const auto others = [&] { return embedder.encode({"another text"}).dense.rows(); };
  for (const bool by_thread : {false, true}) {
    std::size_t calls = 0;
    EncodeOptions options;
    options.batch_size = 10;
    options.on_hidden_states = [&](const HiddenStates&) {
      calls += by_thread ? std::async(std::launch::async, others).get() : others();
    };
    const auto found = embedder.encode(sample_texts(), options);
    CHECK(calls == 3 * static_cast<std::size_t>(1 + embedder.info().config.layers));
    CHECK((as_eigen(found.dense) - as_eigen(expected.dense)).cwiseAbs().maxCoeff() <= 1e-5F);
  }
}

TEST_CASE("a callback that throws, or stops its call, leaves the model to others") {
  const Embedder embedder = Embedder::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny", with_threads(0, 1));
  EncodeOptions options;
  options.on_progress = [](const Progress&) -> bool { throw std::runtime_error("mine"); };
  CHECK_THROWS_WITH(embedder.encode({"a"}, options), "mine");
  options.on_progress = [](const Progress&) { return false; };
  test::expect_error(ErrorCode::cancelled, [&] { (void)embedder.encode({"a"}, options); });
  CHECK(embedder.encode({"a"}).dense.rows() == 1);
}
