#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/batching_reranker.h"
#include "support/batch_gate.h"
#include "support/expect_error.h"

using namespace bgem3;
using namespace std::chrono_literals;
using test::contains;
using test::expect_error;

namespace {

using Logits = std::vector<float>;

const std::filesystem::path tiny = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny-reranker";

// Instead of a model: scores that tell the numbers that queries are, as late as the test wants.
class StubReranker : public test::BatchGate {
 public:
  std::atomic<std::int32_t> poison = -1;  // a batch with this number fails

  static std::vector<PairIds> tokenize(std::span<const TextPair> pairs, const RerankOptions& options,
                                       const std::stop_token& stop) {
    if (stop.stop_requested()) throw Error(ErrorCode::cancelled, "stop");
    if (options.max_length == 1) throw Error(ErrorCode::invalid_argument, "max_length");
    std::vector<PairIds> ids;
    for (const auto& pair : pairs) ids.push_back({{0, std::stoi(std::string(pair.query)), 2, 2, 5, 2}});
    return ids;
  }

  Logits score(const std::vector<PairIds>& pairs, const RerankOptions& options) {
    pass(pairs.size(), options.on_progress);
    Logits scores;
    for (const auto& [ids, second_begin] : pairs) {
      if (ids[1] == poison) throw Error(ErrorCode::bad_model, "poison");
      scores.push_back(static_cast<float>(ids[1]));
    }
    return scores;
  }
};

struct Stubbed {
  explicit Stubbed(BatchingOptions options = {})
      : batching(
            &StubReranker::tokenize,
            [stub = stub](const std::vector<PairIds>& pairs, const RerankOptions& wanted) {
              return stub->score(pairs, wanted);
            },
            std::move(options)) {}

  std::future<Logits> ask(std::int32_t number, RerankRequestOptions options = {}) {
    return batching.submit({{std::to_string(number), "a passage"}}, std::move(options));
  }

  // Returns when a batch is in work and stays there until the lock is released.
  std::unique_lock<std::mutex> hold() {
    std::unique_lock lock(stub->gate);
    held = ask(7);
    while (batching.statistics().running_batches == 0) std::this_thread::sleep_for(1ms);
    return lock;
  }

  std::shared_ptr<StubReranker> stub = std::make_shared<StubReranker>();
  std::future<Logits> held;
  BatchingReranker batching;
};

void check_close(const Logits& found, const Logits& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-5F);
}

}  // namespace

TEST_CASE("requests share batches, whatever their options, and each gets its own scores") {
  Stubbed model;
  auto lock = model.hold();
  std::vector<std::future<Logits>> answers;
  for (std::int32_t number = 10; number < 40; ++number) {
    RerankRequestOptions options;
    options.rerank.max_length = static_cast<std::size_t>(number);
    answers.push_back(model.ask(number, options));
  }
  CHECK(model.batching.statistics().waiting_texts == 30);
  lock.unlock();
  for (std::int32_t number = 10; number < 40; ++number) {
    CHECK(answers[static_cast<std::size_t>(number) - 10].get() == Logits{static_cast<float>(number)});
  }
  CHECK(model.stub->batches == 2);
  CHECK(model.stub->largest_batch == 30);
}

TEST_CASE("a deadline that passes in the queue of pairs costs nothing; the answer is there at once") {
  Stubbed model;
  auto lock = model.hold();
  RerankRequestOptions options;
  options.deadline = std::chrono::steady_clock::now() + 30ms;
  auto answer = model.ask(11, options);
  REQUIRE(answer.wait_for(5s) == std::future_status::ready);  // though the batch before it is still in work
  expect_error(ErrorCode::deadline_exceeded, [&] { (void)answer.get(); });
  lock.unlock();
  (void)model.held.get();
  CHECK(model.stub->batches == 1);
  expect_error(ErrorCode::deadline_exceeded, [&] { (void)model.ask(12, options); });
}

TEST_CASE("a stop empties the queue of pairs, and ends a batch that nobody waits for") {
  Stubbed model;
  std::stop_source stop;
  RerankRequestOptions options;
  options.stop = stop.get_token();
  std::unique_lock lock(model.stub->gate);
  auto running = model.ask(11, options);
  while (model.stub->batches == 0) std::this_thread::sleep_for(1ms);
  auto waiting = model.ask(12, options);
  stop.request_stop();
  for (auto* answer : {&running, &waiting}) {
    expect_error(ErrorCode::cancelled, [&] { (void)answer->get(); });
  }
  while (!model.stub->was_stopped) std::this_thread::sleep_for(1ms);
  CHECK(model.batching.statistics().waiting_texts == 0);
  lock.unlock();
  CHECK(model.ask(13).get() == Logits{13});
}

TEST_CASE("a pair that cannot be scored fails its own request only") {
  Stubbed model;
  auto lock = model.hold();
  model.stub->poison = 20;
  auto good = model.ask(19), bad = model.ask(20), other = model.ask(21);
  lock.unlock();
  CHECK(good.get() == Logits{19});
  CHECK(other.get() == Logits{21});
  expect_error(ErrorCode::bad_model, [&] { (void)bad.get(); });
}

TEST_CASE("the queue of pairs is bounded; drain answers what was taken and takes no more") {
  BatchingOptions options;
  options.queue_texts = 2;
  Stubbed model(options);
  auto lock = model.hold();
  auto first = model.ask(10), second = model.ask(11);
  expect_error(ErrorCode::overloaded, [&] { (void)model.ask(12); });
  lock.unlock();
  model.batching.drain();
  CHECK(first.get() == Logits{10});
  CHECK(second.get() == Logits{11});
  expect_error(ErrorCode::overloaded, [&] { (void)model.ask(13); });
}

TEST_CASE("what a request for scores may not ask for is refused") {
  BatchingOptions limits;
  limits.queue_texts = 0;
  expect_error(ErrorCode::invalid_argument, [&] { Stubbed model(limits); });
  Stubbed model;
  RerankRequestOptions watched, short_pairs;
  watched.rerank.on_progress = [](const Progress&) { return true; };
  const auto message = expect_error(ErrorCode::invalid_argument, [&] { (void)model.ask(10, watched); });
  CHECK(contains(message, "on_progress"));
  short_pairs.rerank.max_length = 1;
  expect_error(ErrorCode::invalid_argument, [&] { (void)model.batching.submit({}, short_pairs); });
}

TEST_CASE("an outcome tells scores, tokens and times; no pairs have none") {
  Stubbed model;
  const auto ask = [&](std::span<const TextPair> pairs) {
    std::promise<RerankOutcome> promise;
    model.batching.submit(pairs, {}, [&](RerankOutcome outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  };
  const std::vector<TextPair> pairs = {{"3", "a"}, {"4", "b"}};
  const RerankOutcome found = ask(pairs);
  CHECK(found.scores == Logits{3, 4});
  CHECK(found.tokens == 12);
  CHECK(found.times.tokenize > 0ns);
  CHECK(found.times.compute > 0ns);
  CHECK(found.error == nullptr);

  const RerankOutcome nothing = ask({});
  CHECK(nothing.scores.empty());
  CHECK(nothing.error == nullptr);
  CHECK(model.batching.submit({}).get().empty());
  CHECK(model.stub->batches == 1);
}

TEST_CASE("a moved BatchingReranker works on") {
  Stubbed model;
  auto lock = model.hold();
  auto before = model.ask(10);
  BatchingReranker moved = std::move(model.batching);
  auto after = moved.submit({{"11", ""}});
  lock.unlock();
  CHECK(before.get() == Logits{10});
  CHECK(after.get() == Logits{11});
}

TEST_CASE("with a model: as Reranker::score, whatever the company") {
  const Reranker reranker = Reranker::load(tiny);
  BatchingReranker batching(reranker);
  const std::string words = "a rather longer passage than those, of more words than that";
  const std::vector<TextPair> pairs = {{"what?", "Hello World"}, {"", ""}, {"世界", words}, {words, "short"}};
  RerankRequestOptions cut;
  cut.rerank.max_length = 10;
  const Logits expected = reranker.score(pairs), expected_cut = reranker.score(pairs, cut.rerank);
  CHECK(std::abs(expected[2] - expected_cut[2]) > 1e-3F);

  std::vector<std::future<Logits>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(batching.submit(pairs, i % 2 == 0 ? RerankRequestOptions{} : cut));
  for (std::size_t i = 0; i < answers.size(); ++i) check_close(answers[i].get(), i % 2 == 0 ? expected : expected_cut);

  RerankRequestOptions wrong;
  wrong.rerank.max_length = 3;
  expect_error(ErrorCode::invalid_argument, [&] { (void)batching.submit(pairs, wrong); });
}

TEST_CASE("with a model: token types of pairs stay theirs") {
  const Reranker reranker = Reranker::load(tiny.parent_path() / "bert-reranker");
  BatchingReranker batching(reranker);
  const std::vector<PairIds> pairs = {{{2, 5, 3, 6, 6, 3}, 3}, {{2, 5, 3, 6, 6, 3}, 4}, {{2, 3, 3}, 2}};
  std::promise<Logits> promise;
  batching.submit_ids(pairs, {}, [&](const RerankOutcome& outcome) { promise.set_value(outcome.scores); });
  const Logits found = promise.get_future().get();
  check_close(found, reranker.score_ids(pairs));
  CHECK(std::abs(found[0] - found[1]) > 1e-3F);
  const std::vector<TextPair> texts = {{"a query", "a passage"}, {"a", "b [SEP] c"}, {"a [SEP] b", "c"}};
  check_close(batching.submit(texts).get(), reranker.score(texts));
}

TEST_CASE("with a model: ids of pairs that are wrong fail alone, with a message about pairs") {
  const Reranker reranker = Reranker::load(tiny);
  BatchingReranker batching(reranker);
  const auto ask = [&](std::vector<PairIds> pairs) {
    const auto promise = std::make_shared<std::promise<Logits>>();
    batching.submit_ids(std::move(pairs), {}, [promise](RerankOutcome outcome) {
      outcome.error ? promise->set_exception(outcome.error) : promise->set_value(std::move(outcome.scores));
    });
    return promise->get_future();
  };
  const std::vector<TextPair> pairs = {{"a query", "a passage"}};
  const auto ids = reranker.tokenize(pairs);
  auto good = ask(ids), unknown = ask({ids[0], {{0, 1'000'000, 2}}}), empty = ask({{}}), tiny_pair = ask({{{0, 2}}});
  check_close(good.get(), reranker.score(pairs));
  CHECK(tiny_pair.get().size() == 1);
  for (auto* answer : {&unknown, &empty}) {
    CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { (void)answer->get(); }), "pair "));
  }
}

TEST_CASE("callers of scores of every kind at once, with stops and deadlines, lose no answer") {
  Stubbed model;
  std::atomic<int> answers = 0;
  const auto call = [&](int thread) {
    const std::string query = std::to_string(10 + thread);
    const std::vector<TextPair> pairs = {{query, "a"}, {query, "b"}};
    for (int i = 0; i < 200; ++i) {
      std::stop_source stop;
      RerankRequestOptions options;
      options.stop = stop.get_token();
      if (i % 5 == 0) options.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(50 * (i % 7));
      try {
        model.batching.submit(pairs, options, [&](const RerankOutcome&) { ++answers; });
      } catch (const Error&) {
        ++answers;
      }
      if (i % 3 == 0) stop.request_stop();
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) threads.emplace_back(call, thread);
  for (auto& thread : threads) thread.join();
  model.batching.drain();
  CHECK(answers == 8 * 200);
}
