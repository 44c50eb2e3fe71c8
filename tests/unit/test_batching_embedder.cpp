#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/batching_embedder.h"
#include "bgem3/eigen.h"
#include "support/batch_gate.h"
#include "support/expect_error.h"

using namespace bgem3;
using namespace std::chrono_literals;

#ifdef __SANITIZE_THREAD__
// An exception that two threads hold is counted in libstdc++, where the sanitizer does not see that this is atomic.
extern "C" const char* __tsan_default_suppressions() {
  return "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
#endif

namespace {

const std::filesystem::path tiny = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "tiny";

// Instead of a model: vectors that tell the ids they are of, as late as the test wants.
class StubEncoder : public test::BatchGate {
 public:
  std::atomic<std::int32_t> poison = -1;  // a batch with this id fails

  Embeddings operator()(const std::vector<TokenIds>& texts, const EncodeOptions& options) {
    Embeddings embeddings;
    if (texts.empty()) return embeddings;
    pass(texts.size(), options.on_progress);
    embeddings.dense = Matrix(texts.size(), 2);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (const auto id : texts[i]) {
        if (id == poison) throw Error(ErrorCode::bad_model, "poison");
      }
      embeddings.dense(i, 0) = static_cast<float>(texts[i][1]);
      embeddings.dense(i, 1) = 0;
      embeddings.token_counts.push_back(texts[i].size());
    }
    return embeddings;
  }
};

struct Stubbed {
  explicit Stubbed(BatchingOptions options = {})
      : batching(
            tokenizer(), 8192,
            [stub = stub](const std::vector<TokenIds>& texts, const EncodeOptions& wanted) {
              return (*stub)(texts, wanted);
            },
            std::move(options)) {}

  static Tokenizer tokenizer() {
    static const Tokenizer loaded = Tokenizer::load(tiny);
    return loaded;
  }

  // A future for a request of one text, of one id.
  std::future<Embeddings> ask(std::int32_t id, RequestOptions options = {}) {
    const auto promise = std::make_shared<std::promise<Embeddings>>();
    batching.submit_ids({{0, id, 2}}, std::move(options), [promise](Outcome outcome) {
      outcome.error ? promise->set_exception(outcome.error) : promise->set_value(std::move(outcome.embeddings));
    });
    return promise->get_future();
  }

  // Returns when a batch is in work and stays there until the lock is released.
  std::unique_lock<std::mutex> hold() {
    std::unique_lock lock(stub->gate);
    held = ask(7);
    while (batching.statistics().running_batches == 0) std::this_thread::sleep_for(1ms);
    return lock;
  }

  std::shared_ptr<StubEncoder> stub = std::make_shared<StubEncoder>();
  std::future<Embeddings> held;
  BatchingEmbedder batching;
};

}  // namespace

TEST_CASE("requests of many threads share batches, and each gets its own results") {
  Stubbed model;
  auto lock = model.hold();
  std::vector<std::future<Embeddings>> answers;
  for (std::int32_t id = 10; id < 40; ++id) answers.push_back(model.ask(id));
  CHECK(model.batching.statistics().waiting_texts == 30);
  lock.unlock();
  for (std::int32_t id = 10; id < 40; ++id) {
    CHECK(answers[static_cast<std::size_t>(id) - 10].get().dense(0, 0) == static_cast<float>(id));
  }
  CHECK(model.stub->batches == 2);
  CHECK(model.stub->largest_batch == 30);
}

TEST_CASE("a deadline that passes in the queue costs nothing; the answer is there at once") {
  Stubbed model;
  auto lock = model.hold();
  RequestOptions options;
  options.deadline = std::chrono::steady_clock::now() + 30ms;
  auto answer = model.ask(11, options);
  REQUIRE(answer.wait_for(5s) == std::future_status::ready);  // though the batch before it is still in work
  test::expect_error(ErrorCode::deadline_exceeded, [&] { (void)answer.get(); });
  lock.unlock();
  (void)model.held.get();
  CHECK(model.stub->batches == 1);
  test::expect_error(ErrorCode::deadline_exceeded, [&] { (void)model.ask(12, options); });
}

TEST_CASE("a cancelled request leaves the queue, and a batch that nobody waits for stops") {
  Stubbed model;
  std::stop_source stop;
  RequestOptions options;
  options.stop = stop.get_token();
  std::unique_lock lock(model.stub->gate);
  auto running = model.ask(11, options);
  while (model.stub->batches == 0) std::this_thread::sleep_for(1ms);
  auto waiting = model.ask(12, options);
  stop.request_stop();
  for (auto* answer : {&running, &waiting}) {
    test::expect_error(ErrorCode::cancelled, [&] { (void)answer->get(); });
  }
  while (!model.stub->was_stopped) std::this_thread::sleep_for(1ms);
  CHECK(model.batching.statistics().waiting_texts == 0);
  lock.unlock();
  CHECK(model.ask(13).get().dense(0, 0) == 13);
}

TEST_CASE("a text that cannot be embedded fails its own request only") {
  Stubbed model;
  auto lock = model.hold();
  model.stub->poison = 20;
  auto good = model.ask(19), bad = model.ask(20), other = model.ask(21);
  lock.unlock();
  CHECK(good.get().dense(0, 0) == 19);
  CHECK(other.get().dense(0, 0) == 21);
  test::expect_error(ErrorCode::bad_model, [&] { (void)bad.get(); });
}

TEST_CASE("the queue is bounded; drain answers what was taken and takes no more") {
  BatchingOptions options;
  options.queue_texts = 2;
  Stubbed model(options);
  auto lock = model.hold();
  auto first = model.ask(10), second = model.ask(11);
  test::expect_error(ErrorCode::overloaded, [&] { (void)model.ask(12); });
  lock.unlock();
  model.batching.drain();
  CHECK(first.get().dense(0, 0) == 10);
  CHECK(second.get().dense(0, 0) == 11);
  test::expect_error(ErrorCode::overloaded, [&] { (void)model.ask(13); });
}

TEST_CASE("drain waits for callbacks that another thread is in") {
  Stubbed model;
  auto lock = model.hold();
  std::stop_source stop;
  RequestOptions options;
  options.stop = stop.get_token();
  std::promise<void> entered;
  std::atomic<bool> returned = false;
  model.batching.submit_ids({{0, 11, 2}}, options, [&](const Outcome&) {
    entered.set_value();
    std::this_thread::sleep_for(50ms);
    returned = true;
  });
  std::thread stopping([&] { stop.request_stop(); });
  entered.get_future().wait();
  lock.unlock();
  model.batching.drain();
  CHECK(returned);
  stopping.join();
}

TEST_CASE("a stop may come while the embedder ends") {
  for (int i = 0; i < 50; ++i) {
    std::stop_source stop;
    std::atomic<int> answers = 0;
    std::thread stopping;
    {
      Stubbed model;
      RequestOptions options;
      options.stop = stop.get_token();
      for (int k = 0; k < 8; ++k) {
        model.batching.submit_ids({{0, 10, 2}}, options, [&](const Outcome&) { ++answers; });
      }
      stopping = std::thread([&] { stop.request_stop(); });
    }
    CHECK(answers == 8);
    stopping.join();
  }
}

TEST_CASE("a callback that fails fails nobody else") {
  Stubbed model;
  auto lock = model.hold();
  auto before = model.ask(10);
  model.batching.submit_ids({{0, 11, 2}}, {},
                            [](const Outcome&) { throw std::runtime_error("a mistake of the host"); });
  auto after = model.ask(12);
  lock.unlock();
  CHECK(before.get().dense(0, 0) == 10);
  CHECK(after.get().dense(0, 0) == 12);
  CHECK(model.stub->batches == 2);
}

TEST_CASE("short requests do not wait for the end of a long one") {
  BatchingOptions options;
  options.batch_texts = 4;
  Stubbed model(options);
  auto lock = model.hold();
  std::atomic<bool> long_is_done = false;
  model.batching.submit_ids(std::vector<TokenIds>(100, {0, 9, 2}), {}, [&](const Outcome&) { long_is_done = true; });
  std::promise<bool> was_first;
  model.batching.submit_ids({{0, 10, 2}}, {}, [&](const Outcome&) { was_first.set_value(!long_is_done); });
  lock.unlock();
  CHECK(was_first.get_future().get());
  model.batching.drain();
  CHECK(long_is_done);
}

TEST_CASE("statistics tell a batch that hangs") {
  Stubbed model;
  CHECK(model.batching.statistics().stalled == 0ns);
  auto lock = model.hold();
  std::this_thread::sleep_for(20ms);
  CHECK(model.batching.statistics().running_batches == 1);
  CHECK(model.batching.statistics().stalled < 5s);  // the stub reports progress while it waits
}

TEST_CASE("options that make no sense are refused") {
  BatchingOptions options;
  options.batch_texts = 0;
  test::expect_error(ErrorCode::invalid_argument, [&] { Stubbed model(options); });
  Stubbed model;
  RequestOptions request;
  request.encode.on_progress = [](const Progress&) { return true; };
  test::expect_error(ErrorCode::invalid_argument, [&] { (void)model.ask(10, request); });
}

TEST_CASE("a wait has limits") {
  BatchingOptions options;
  options.max_wait = -1us;
  CHECK(test::contains(test::expect_error(ErrorCode::invalid_argument, [&] { const Stubbed model(options); }),
                       "max_wait should not be negative, found -1 microseconds"));
  // One that clocks have no time for is like any other: a batch waits until as many have asked as before.
  options.max_wait = std::chrono::microseconds::max();
  Stubbed model(options);
  auto lock = model.hold();
  auto waiting = model.ask(10);
  lock.unlock();
  CHECK(waiting.wait_for(200ms) == std::future_status::timeout);
  auto company = model.ask(11);
  CHECK(waiting.get().dense(0, 0) == 10);
  CHECK(company.get().dense(0, 0) == 11);
}

TEST_CASE("with a model: as Embedder::encode, whatever the company") {
  const Embedder embedder = Embedder::load(tiny);
  BatchingEmbedder batching(embedder);
  const std::vector<std::string> texts = {"Hello World", "", "Bonjour le monde, 世界",
                                          "a rather longer text than those"};
  RequestOptions all;
  all.encode.sparse = all.encode.colbert = true;
  const Embeddings expected = embedder.encode(texts, all.encode);

  std::vector<std::future<Embeddings>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(batching.submit(texts, all));
  for (auto& answer : answers) {
    const Embeddings found = answer.get();
    CHECK((as_eigen(found.dense) - as_eigen(expected.dense)).cwiseAbs().maxCoeff() < 1e-5F);
    CHECK(found.token_counts == expected.token_counts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(found.sparse[i].size() == expected.sparse[i].size());
      CHECK((as_eigen(found.colbert[i]) - as_eigen(expected.colbert[i])).cwiseAbs().maxCoeff() < 1e-5F);
    }
  }
  CHECK(batching.submit({}).get().dense.rows() == 0);

  RequestOptions wrong;
  wrong.encode.truncate_dim = 1'000'000;
  test::expect_error(ErrorCode::invalid_argument, [&] { (void)batching.submit(texts, wrong); });
}

TEST_CASE("callers of every kind at once, with stops and deadlines, lose no answer") {
  Stubbed model;
  std::atomic<int> answers = 0;
  const auto call = [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      std::stop_source stop;
      RequestOptions options;
      options.stop = stop.get_token();
      if (i % 5 == 0) options.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(50 * (i % 7));
      try {
        model.batching.submit_ids({{0, 10 + thread, 2}, {0, 11, 12, 2}}, options, [&](const Outcome&) { ++answers; });
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
