#include "support/doctest_torch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bgem3/batching_embedder.h"
#include "bgem3/bgem3.h"
#include "bgem3/reranker.h"
#include "model/device_use.h"
#include "model/loaded_model.h"
#include "pipeline/call_runner.h"
#include "pipeline/distinct_texts.h"
#include "pipeline/pipeline.h"
#include "support/changed_weights.h"
#include "support/embeddings.h"
#include "support/expect_error.h"
#include "support/fake_graph.h"

using namespace bgem3;
using namespace std::chrono_literals;
using test::all_kinds;
using test::check_close;
using test::contains;
using test::expect_error;

// A processor that is named twice computes two batches at a time, as two GPUs do.

namespace {

const std::string models = BGEM3_TEST_MODELS_DIR;

LoadOptions on(const std::string& device) {
  LoadOptions options;
  options.device = device;
  return options;
}

const Embedder& one() {
  static const Embedder embedder = Embedder::load(models + "/tiny");
  return embedder;
}

const Embedder& two() {
  static const Embedder embedder = Embedder::load(models + "/tiny", on("cpu,cpu"));
  return embedder;
}

// Some of them alike.
std::vector<std::string> sample_texts(int count = 60) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    std::string& text = texts.emplace_back("text " + std::to_string(i % 50));
    for (int word = 0; word < i * 7 % 40; ++word) text += " word" + std::to_string(word);
  }
  return texts;
}

EncodeOptions in_batches_of(std::size_t texts) {
  EncodeOptions options = all_kinds();
  options.batch_size = texts;
  return options;
}

// Where batches that are computed on two devices at the same time meet.
class Meeting {
 public:
  void arrive() {
    std::unique_lock lock(mutex_);
    ++here_;
    changed_.notify_all();
    met_ |= changed_.wait_for(lock, 10s, [this] { return here_ >= 2; });
  }

  [[nodiscard]] bool have_met() {
    const std::lock_guard lock(mutex_);
    return met_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int here_ = 0;
  bool met_ = false;
};

Embeddings encode(const LoadedModel& loaded, const std::vector<std::string>& texts, const EncodeOptions& options) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return run_pipeline(loaded, views, options);
}

LoadedModel load_twice() { return load_directory(models + "/tiny", on("cpu,cpu"), ModelKind::embedder); }

}  // namespace

TEST_CASE("a model on several devices gives the results of one") {
  const auto texts = sample_texts(24);
  for (const std::size_t batch_size : {0, 1, 4, 1000}) {
    CAPTURE(batch_size);
    check_close(two().encode(texts, in_batches_of(batch_size)), one().encode(texts, in_batches_of(batch_size)), 1e-5);
  }
  CHECK(two().encode(std::vector<std::string>()).dense.rows() == 0);
  check_close(two().encode({"alone"}), one().encode({"alone"}), 1e-5);
}

TEST_CASE("devices compute batches of one call at the same time") {
  const LoadedModel loaded = load_twice();
  REQUIRE(loaded.models.size() == 1);  // loaded once
  Meeting meeting;
  loaded.models[0].state->streams.graph_use.record = [&](const std::function<void()>& work, cuda::GraphMemory& memory) {
    meeting.arrive();
    return test::record_fake(work, memory);
  };
  CHECK(encode(loaded, sample_texts(8), in_batches_of(2)).dense.rows() == 8);
  CHECK(meeting.have_met());
}

TEST_CASE("texts of one batch's size are dealt out, too, unless the caller says how large a batch is") {
  const LoadedModel loaded = load_twice();
  const auto count_batches = [&](std::size_t texts_of_100_tokens, const BatchLimits& limits) {
    std::vector<TokenIds> ids(texts_of_100_tokens, TokenIds(100, 10));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i][1] = static_cast<std::int32_t>(20 + i);
    const DistinctTexts texts = find_distinct(std::move(ids));
    std::atomic<std::size_t> batches = 0;
    const auto count = [&](const auto&, const auto&, const auto&) {
      ++batches;
      return std::nullopt;
    };
    CallRunner(loaded, texts, texts_of_100_tokens, {.dense = true}, {limits, "", {}}, count).run();
    return batches.load();
  };
  CHECK(count_batches(20, {0, 0}) == 1);  // so little keeps one device busy
  CHECK(count_batches(21, {0, 0}) == 2);
  CHECK(count_batches(40, {0, 0}) == 2);
  CHECK(count_batches(40, {0, 5000}) == 1);
  CHECK(count_batches(90, {0, 0}) == 4);  // 9000 tokens need three batches of 4096
  // Two long texts, one for each device.
  std::vector<TokenIds> ids(2, TokenIds(2000, 10));
  ids[1][1] = 20;
  const DistinctTexts texts = find_distinct(std::move(ids));
  std::atomic<int> batches = 0;
  const auto count = [&](const auto&, const auto&, const auto&) {
    ++batches;
    return std::nullopt;
  };
  CallRunner(loaded, texts, 2, {.dense = true}, {{0, 0}, "", {}}, count).run();
  CHECK(batches == 2);
}

TEST_CASE("what a model is told of itself names all its devices") {
  CHECK(two().info().device == "cpu,cpu");
  CHECK(two().info().weight_bytes == one().info().weight_bytes);
  CHECK(two().statistics().recomputed_batches == 0);
  two().release_memory();
}

TEST_CASE("a call can be given to one of the devices, and to no other") {
  const auto texts = sample_texts(10);
  EncodeOptions options = in_batches_of(2);
  options.device = "cpu";
  check_close(two().encode(texts, options), one().encode(texts, options), 1e-5);
  check_close(one().encode(texts, options), one().encode(texts, in_batches_of(2)), 1e-5);
  for (const auto* device : {"cuda:0", "cpu,cpu", "CPU"}) {
    CAPTURE(device);
    options.device = device;
    const auto check = [&](auto&& work) {
      const auto message = expect_error(ErrorCode::invalid_argument, work);
      CHECK(contains(message, "'cpu,cpu'"));
      CHECK(contains(message, "'" + options.device + "'"));
    };
    check([&] { two().validate(options); });
    check([&] { (void)two().encode(texts, options); });
    check([&] { (void)two().encode(std::vector<std::string>(), options); });
    check([&] { (void)two().encode_ids({{0, 2}}, options); });
  }
}

TEST_CASE("requests for different devices share no batch") {
  BatchingEmbedder batching(two());
  RequestOptions request;
  request.encode.device = "cpu";
  CHECK(batching.submit({"a"}, request).get().dense.rows() == 1);
  request.encode.device = "cuda:0";
  expect_error(ErrorCode::invalid_argument, [&] { (void)batching.submit({"a"}, request); });
}

TEST_CASE("devices that cannot be are refused by name") {
  const auto refuse = [](const std::string& device, const std::string& part) {
    CAPTURE(device);
    const auto message =
        expect_error(ErrorCode::invalid_argument, [&] { (void)Embedder::load(models + "/tiny", on(device)); });
    CHECK(contains(message, part));
  };
  refuse("", "device '' is not known");
  refuse("cpu,", "device '' is not known");
  refuse(",cpu", "device '' is not known");
  refuse("cpu, cpu", "device ' cpu' is not known");
  refuse("cpu;cpu", "device 'cpu;cpu' is not known");
  refuse("cpu,cuda:0", "not on both");
  std::string many = "cpu";
  for (int i = 0; i < 63; ++i) many += ",cpu";
  CHECK(Embedder::load(models + "/tiny", on(many)).encode(sample_texts(5), in_batches_of(1)).dense.rows() == 5);
  refuse(many + ",cpu", "at most 64 devices can be named, found 65");
}

TEST_CASE("callbacks come on the calling thread, and progress only grows, up to the end") {
  const auto texts = sample_texts();
  EncodeOptions options = in_batches_of(3);
  const auto caller = std::this_thread::get_id();
  std::size_t last = 0;
  options.on_progress = [&](const Progress& progress) {
    CHECK(std::this_thread::get_id() == caller);
    CHECK(progress.texts_done >= last);
    CHECK(progress.texts_total == texts.size());
    last = progress.texts_done;
    return true;
  };
  (void)two().encode(texts, options);
  CHECK(last == texts.size());
  last = 0;
  int layers = 0;
  options.on_hidden_states = [&](const HiddenStates&) {
    CHECK(std::this_thread::get_id() == caller);
    ++layers;
  };
  (void)two().encode(texts, options);
  CHECK(layers == 20 * (one().info().config.layers + 1));  // every text, repetitions as well
}

TEST_CASE("a callback stops all devices, whenever it does") {
  const auto texts = sample_texts(30);
  for (std::size_t after = 0; after <= texts.size(); after += 3) {  // how often it is called is a matter of chance
    CAPTURE(after);
    EncodeOptions options = in_batches_of(3);
    options.on_progress = [&](const Progress& progress) { return progress.texts_done < after; };
    expect_error(ErrorCode::cancelled, [&] { (void)two().encode(texts, options); });
    options.on_progress = [&](const Progress& progress) -> bool {
      if (progress.texts_done >= after) throw std::runtime_error("of the caller");
      return true;
    };
    CHECK_THROWS_WITH_AS((void)two().encode(texts, options), "of the caller", std::runtime_error);
  }
  CHECK(two().encode(texts).dense.rows() == texts.size());
}

TEST_CASE("a call that ends leaves its turn to the threads that help it") {
  LoadOptions options = on("cpu,cpu,cpu");
  options.parallel_calls = 1;
  const Embedder embedder = Embedder::load(models + "/tiny", options);
  const auto texts = sample_texts(20);
  for (int after = 0; after < 20; ++after) {
    EncodeOptions encode = in_batches_of(2);
    int calls = 0;
    encode.on_progress = [&](const Progress&) { return calls++ < after; };
    try {
      (void)embedder.encode(texts, encode);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::cancelled);
    }
  }
  CHECK(embedder.encode(texts).dense.rows() == texts.size());
}

TEST_CASE("an error of any device ends the call, and names the text by its place in it") {
  const LoadedModel loaded = load_twice();
  const TokenIds broken = loaded.tokenizer.encode("broken");
  auto texts = sample_texts();
  for (const std::size_t place : {0, 17, 59}) {
    CAPTURE(place);
    LoadedModel damaged{loaded.models, loaded.computing, loaded.tokenizer, loaded.info, std::make_unique<DeviceUse>(1)};
    test::change_weights(damaged.models[0], [&](bert::Weights& weights) {
      weights.input.word = weights.input.word.clone();
      weights.input.word[broken[1]].fill_(std::numeric_limits<float>::quiet_NaN());
    });
    auto own = texts;
    own[place] = "broken";
    const auto message = expect_error(ErrorCode::bad_model, [&] { (void)encode(damaged, own, in_batches_of(2)); });
    CHECK(contains(message, "text " + std::to_string(place) + " of the call"));
  }
}

TEST_CASE("calls of many threads on several devices do not disturb each other") {
  const auto texts = sample_texts(20);
  const Embeddings expected = one().encode(texts, in_batches_of(3));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) {
        const auto found = two().encode(texts, in_batches_of(3));
        if (test::max_difference(found.dense, expected.dense) > 1e-5) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a reranker on several devices gives the scores of one") {
  const Reranker single = Reranker::load(models + "/tiny-reranker");
  const Reranker both = Reranker::load(models + "/tiny-reranker", on("cpu,cpu"));
  CHECK(both.info().device == "cpu,cpu");
  const auto texts = sample_texts();
  std::vector<TextPair> pairs;
  for (std::size_t i = 0; i < texts.size(); ++i) pairs.push_back({texts[i], texts[i * 7 % texts.size()]});
  RerankOptions options;
  options.batch_size = 4;
  const auto expected = single.score(pairs, options);
  for (const auto* device : {"", "cpu"}) {
    options.device = device;
    const auto found = both.score(pairs, options);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4));
  }
  options.device = "cuda";
  expect_error(ErrorCode::invalid_argument, [&] { (void)both.score(pairs, options); });
}

TEST_CASE("the least busy devices are chosen, the first of equals") {
  DeviceUse use(3);
  const std::array<std::size_t, 3> all = {0, 1, 2};
  const std::array<std::size_t, 2> last_two = {1, 2};
  const auto chosen = [](const DeviceUse::Lease& lease) {
    return std::vector<std::size_t>(lease.devices().begin(), lease.devices().end());
  };
  using List = std::vector<std::size_t>;
  const DeviceUse::Lease first(use, all, 1);
  CHECK(chosen(first) == List{0});
  {
    const DeviceUse::Lease second(use, all, 1), third(use, all, 1), fourth(use, all, 1);
    CHECK(chosen(second) == List{1});
    CHECK(chosen(third) == List{2});
    CHECK(chosen(fourth) == List{0});
    CHECK(chosen(DeviceUse::Lease(use, all, 5)) == List{1, 2, 0});
  }
  CHECK(chosen(DeviceUse::Lease(use, all, 2)) == List{1, 2});
  CHECK(chosen(DeviceUse::Lease(use, last_two, 1)) == List{1});
}
