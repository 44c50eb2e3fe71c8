// What a forked child can do with the objects of its parent: work, or fail at once.
#include "support/doctest_torch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>

#include "bgem3/batching_embedder.h"
#include "bgem3/batching_reranker.h"
#include "bgem3/bgem3.h"
#include "bgem3/c.h"
#include "bgem3/reranker.h"
#include "bgem3/scores.h"
#include "model/loaded_model.h"
#include "model/thread_count.h"
#include "support/address_sanitizer.h"
#include "support/batch_gate.h"
#include "support/expect_error.h"
#include "support/in_child.h"

using namespace bgem3;
using namespace std::chrono_literals;
using test::in_child;
using test::is_refused;

#ifndef __SANITIZE_THREAD__  // which ends a child that has threads

namespace {

const std::string models = BGEM3_TEST_MODELS_DIR;
const std::vector<std::string> texts = {"Hello World", "", "Le prix du café est de 3 €.", "many words in a long text"};

LoadOptions options_of(const std::string& device, unsigned threads) {
  LoadOptions options;
  options.device = device;
  options.threads = threads;
  return options;
}

// With a team of OpenMP threads that the calling thread has used.
struct Used {
  explicit Used(const std::string& device = "cpu", LoadOptions options = options_of("cpu", 2)) {
    options.device = device;
    options.on_log = [this](LogLevel level, std::string_view message) {
      if (level == LogLevel::warning) warnings.emplace_back(message);
    };
    embedder.emplace(Embedder::load(models + "/tiny", options));
    wanted.sparse = wanted.colbert = true;
    expected = embedder->encode(texts, wanted);
    warnings.clear();
  }

  [[nodiscard]] bool works() const { return is_close(embedder->encode(texts, wanted)); }

  [[nodiscard]] bool is_close(const Embeddings& found) const {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (std::size_t k = 0; k < expected.dense.cols(); ++k) {
        if (std::abs(found.dense(i, k) - expected.dense(i, k)) > 1e-5F) return false;
      }
      if (found.sparse[i].size() != expected.sparse[i].size()) return false;
      if (found.colbert[i].rows() != expected.colbert[i].rows()) return false;
    }
    return true;
  }

  std::vector<std::string> warnings;
  std::optional<Embedder> embedder;
  EncodeOptions wanted;
  Embeddings expected;
};

Embeddings no_embeddings(const std::vector<TokenIds>& ids) {
  Embeddings embeddings;
  embeddings.dense = Matrix(ids.size(), 2);
  embeddings.token_counts.resize(ids.size());
  return embeddings;
}

Tokenizer tokenizer() {
  static const Tokenizer loaded = Tokenizer::load(models + "/tiny");
  return loaded;
}

}  // namespace

TEST_CASE("a model on the CPU works in a child, on the thread that forked and on others") {
  Used model;
  CHECK(in_child([&] {
    if (!model.works() || !model.works()) return false;
    const bool is_told = model.warnings.size() == 1 && test::contains(model.warnings[0], "OpenMP threads");
    bool works = false;
    std::thread([&] { works = model.works(); }).join();
    return works && (is_told || at::get_num_threads() == 1);
  }));
  CHECK(model.works());
  CHECK(model.warnings.empty());
}

TEST_CASE("in a child, other threads compute with as many as ever") {
  const ThreadCount two(2);
  if (ThreadCount::of_libtorch() != 2) return;  // see tests/unit/test_threads.cpp
  std::thread([] {}).join();                    // from now on, a fork may leave threads
  CHECK(ThreadCount::usable(2) == 2);
  CHECK(in_child([] {
    unsigned elsewhere = 0;
    std::thread([&] { elsewhere = ThreadCount::usable(2); }).join();
    return ThreadCount::usable(2) == 1 && elsewhere == 2;
  }));
}

TEST_CASE("a child loads models, and children of its own work with them") {
  const Used model;
  CHECK(in_child([] {
    const Used own;
    return own.works() && in_child([&] { return own.works(); });
  }));
}

TEST_CASE("a child works while threads of its parent compute") {
  const Used model;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back([&] {
      while (!stop) (void)model.works();
    });
  }
  int working = 0;
  constexpr int children = 20;
  for (int i = 0; i < children; ++i) working += in_child([&] { return model.works(); }) ? 1 : 0;
  stop = true;
  CHECK(working == children);
}

TEST_CASE("scores in a child, by the thread that forked") {
  const ThreadCount two(2);
  (void)at::matmul(at::rand({700, 700}), at::rand({700, 700}));  // which leaves a team behind
  Matrix many(700, 256);
  for (std::size_t i = 0; i < many.size(); ++i) many.data()[i] = static_cast<float>(i % 7) - 3;
  const float expected = colbert_score(many, many);
  CHECK(in_child([&] { return std::abs(colbert_score(many, many) - expected) <= 1e-3F * std::abs(expected); }));
  const Reranker reranker = Reranker::load(models + "/tiny-reranker");
  CHECK(in_child([&] {
    std::vector<float> logits(200'000, 1);
    reranker.activate(logits);
    return logits[0] == logits[199'999];
  }));
}

TEST_CASE("a callback that forks: its call goes on in the parent, and fails in the child") {
  for (const char* const device : {"cpu", "cpu,cpu"}) {
    CAPTURE(device);
    const Used model(device);
    EncodeOptions options;
    options.batch_size = 1;
    std::optional<pid_t> child;
    options.on_progress = [&](const Progress&) {
      if (child) return true;
      child = ::fork();
      if (*child == 0) ::alarm(20);
      return true;
    };
    const auto encode = [&] { (void)model.embedder->encode(texts, options); };
    const bool refused = is_refused(encode, "this call was made before fork()");
    REQUIRE(child.has_value());
    if (*child == 0) ::_exit(refused && model.works() ? 0 : 1);
    int status = -1;
    REQUIRE(::waitpid(*child, &status, 0) == *child);
    CHECK(status == 0);
    CHECK(!refused);
    CHECK(model.works());
  }
}

TEST_CASE("BatchingEmbedder of the parent: a child fails at once, and ends") {
  std::optional<BatchingEmbedder> batching;
  test::BatchGate gate;
  batching.emplace(tokenizer(), 8192, [&](const std::vector<TokenIds>& ids, const EncodeOptions& options) {
    if (!ids.empty()) gate.pass(ids.size(), options.on_progress);
    return no_embeddings(ids);
  });
  std::unique_lock held(gate.gate);
  RequestOptions cancelled;
  std::stop_source stop;
  cancelled.stop = stop.get_token();
  auto running = batching->submit(texts), waiting = batching->submit(texts, cancelled);
  while (gate.batches == 0) std::this_thread::sleep_for(1ms);
  CHECK(in_child([&] {
    const auto refused = [](const auto& work) {
      return is_refused(work, "this BatchingEmbedder was made before fork()");
    };
    const bool fails = refused([&] { (void)batching->submit(texts); }) && refused([&] {
                         batching->submit_ids({{0, 5, 2}}, {}, [](const Outcome&) {});
                       }) &&
                       refused([&] { (void)batching->statistics(); });
    stop.request_stop();
    batching->drain();
    batching.reset();
    BatchingEmbedder own(Embedder::load(models + "/nano"));
    return fails && own.submit(texts).get().dense.rows() == texts.size();
  }));
  held.unlock();
  CHECK(running.get().dense.rows() == texts.size());
  CHECK(waiting.get().dense.rows() == texts.size());
}

TEST_CASE("BatchingReranker of the parent: a child fails at once, and ends") {
  std::optional<BatchingReranker> batching;
  batching.emplace(Reranker::load(models + "/nano-reranker"));
  CHECK(batching->submit({{"a query", "a passage"}}).get().size() == 1);
  CHECK(in_child([&] {
    const auto refused = [](const auto& work) {
      return is_refused(work, "this BatchingReranker was made before fork()");
    };
    const bool fails = refused([&] {
                         (void)batching->submit({{"a query", "a passage"}});
                       }) &&
                       refused([&] { (void)batching->statistics(); });
    batching->drain();
    batching.reset();
    return fails;
  }));
  CHECK(batching->submit({{"a query", "a passage"}}).get().size() == 1);
}

TEST_CASE("an answer that forks: the child answers nothing, and ends when the callback is over") {
  test::BatchGate gate;
  BatchingEmbedder batching(tokenizer(), 8192, [&](const std::vector<TokenIds>& ids, const EncodeOptions& options) {
    if (!ids.empty()) gate.pass(ids.size(), options.on_progress);
    return no_embeddings(ids);
  });
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  std::atomic<pid_t> child = -1;
  const auto answer = [&](const Outcome&) {
    if (::write(ends[1], "x", 1) != 1 || child != -1) return;
    child = ::fork();
    if (child == 0) ::alarm(20);
  };
  std::unique_lock held(gate.gate);
  auto first = batching.submit(texts);
  while (gate.batches == 0) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 3; ++i) batching.submit(texts, {}, answer);  // of one batch
  held.unlock();
  batching.drain();
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
#ifndef BGEM3_ADDRESS_SANITIZER  // which takes for leaked what the threads that are not there have on their stacks
  CHECK(status == 0);
#endif
  ::close(ends[1]);
  std::array<char, 16> answers{};
  CHECK(::read(ends[0], answers.data(), answers.size()) == 3);
  ::close(ends[0]);
}

TEST_CASE("a model on a GPU is refused in a child, and left alone") {
  const auto handle = share_among_handles<LoadedModel>(load_directory(models + "/nano", {}, ModelKind::embedder));
  auto& loaded = const_cast<LoadedModel&>(*handle);
  loaded.models[0].execution.device = at::Device(at::kCUDA, 0);  // as one that was loaded there
  loaded.info.device = "cuda:0";
  CHECK(in_child([&] {
    const std::string refusal = "this model was loaded on 'cuda:0' before fork(), and CUDA does not work in a forked";
    return is_lost_by_fork(loaded) && is_refused([&] { (void)find_devices(loaded, ""); }, refusal) &&
           is_refused([&] { release_unused_memory(loaded); }, refusal);
  }));
  CHECK(!is_lost_by_fork(loaded));
  loaded.models[0].execution.device = at::kCPU;
}

TEST_CASE("the C interface in a child") {
  bgem3_embedder* embedder = nullptr;
  bgem3_load_options options;
  bgem3_load_options_init(&options, sizeof options);
  options.threads = 2;
  REQUIRE(bgem3_embedder_load((models + "/tiny").c_str(), &options, &embedder) == BGEM3_OK);
  const char* const text = "in a child";
  std::vector<float> vector(bgem3_embedder_dimension(embedder)), again(vector.size());
  const auto encode = [&](std::vector<float>& out) {
    return bgem3_embedder_encode_into(embedder, &text, nullptr, 1, nullptr, out.data(), out.size());
  };
  REQUIRE(encode(vector) == BGEM3_OK);
  CHECK(in_child([&] {
    if (encode(again) != BGEM3_OK) return false;
    bgem3_embedder_free(embedder);
    for (std::size_t i = 0; i < vector.size(); ++i) {
      if (std::abs(vector[i] - again[i]) > 1e-5F) return false;
    }
    return true;
  }));
  bgem3_embedder_free(embedder);
}

#endif
