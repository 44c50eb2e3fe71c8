#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/tokenizer.h"
#include "support/cost.h"
#include "support/expect_error.h"
#include "support/golden_texts.h"

using namespace bgem3;
using namespace bgem3::test;

TEST_CASE("a batch gives the ids of its texts on any number of threads") {
  const auto texts = golden_texts();
  for (const unsigned threads : {0U, 1U, 2U, 7U, 64U}) {
    const std::size_t count = threads == 7 ? texts.size() : texts.size() / 8;
    const auto batch = xlm_roberta().encode_batch(std::span(texts).first(count), 0, threads);
    REQUIRE(batch.size() == count);
    const bool same = std::equal(batch.begin(), batch.end(), golden().begin(),
                                 [](const TokenIds& ids, const GoldenRow& row) { return ids == row.classic; });
    CHECK(same);
  }
  CHECK(xlm_roberta().encode_batch({}).empty());
}

TEST_CASE("many threads share one tokenizer") {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&wrong, thread] {
      for (std::size_t row = thread; row < golden().size(); row += 5) {
        if (xlm_roberta().encode(golden()[row].text) != golden()[row].classic) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a batch runs on the threads that the tokenizer was loaded for, and on others where it is told") {
  const std::string text(20'000, 'a');
  const std::vector<std::string_view> texts(100, text);
  TokenizerOptions options;
  options.threads = 1;
  const auto tokenizer = Tokenizer::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "nano", options);
  // The part of its processor time that the calling thread had.
  const auto own_part = [&](unsigned threads) {
    const auto seconds = [](clockid_t clock) {
      timespec now{};
      clock_gettime(clock, &now);
      return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
    };
    const double own = seconds(CLOCK_THREAD_CPUTIME_ID), all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    (void)tokenizer.encode_batch(texts, 0, threads);
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - own) / (seconds(CLOCK_PROCESS_CPUTIME_ID) - all);
  };
  CHECK(own_part(0) > 0.9);
  CHECK(own_part(4) < 0.8);
}

TEST_CASE("a stop ends a batch before its next word") {
  const auto repeated = [](std::string_view part) {
    std::string text;
    while (text.size() < 1'000'000) text += part;
    return text;
  };
  std::stop_source stopped;
  stopped.request_stop();
  for (const std::string_view part : {"word ", "line\n", "<mask>", "<mask> word\n"}) {
    CAPTURE(part);
    const std::string text = repeated(part);
    const std::vector<std::string_view> texts = {text};
    const double whole = cost_of([&] { (void)xlm_roberta().encode_batch(texts, 0, 1); }, 2);
    const double ended = cost_of([&] {
      expect_error(ErrorCode::cancelled, [&] { (void)xlm_roberta().encode_batch(texts, 0, 1, stopped.get_token()); });
    });
    CHECK(ended < whole / 2);
  }
}

TEST_CASE("a stop ends a batch on all its threads") {
  const std::vector<std::string_view> texts(20'000, "Some words, so that the stop comes before the end of all texts.");
  std::stop_source source;
  std::jthread later([&] { source.request_stop(); });
  bool ended = false;
  for (int i = 0; i < 1000 && !ended; ++i) {
    try {
      (void)xlm_roberta().encode_batch(texts, 0, 4, source.get_token());
    } catch (const Error& error) {
      ended = error.code() == ErrorCode::cancelled;
    }
  }
  CHECK(ended);
}
