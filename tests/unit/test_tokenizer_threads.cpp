#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/tokenizer.h"
#include "support/golden_texts.h"

using namespace bgem3;
using namespace bgem3::test;

TEST_CASE("a batch gives the ids of its texts on any number of threads") {
  const auto texts = golden_texts();
  for (const unsigned threads : {0U, 1U, 2U, 7U, 64U}) {
    const auto batch = xlm_roberta().encode_batch(texts, 0, threads);
    REQUIRE(batch.size() == golden().size());
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
