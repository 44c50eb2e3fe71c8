#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/batch_plan.h"
#include "support/expect_error.h"

using namespace bgem3;

namespace {

std::vector<Batch> plan(const std::vector<std::size_t>& lengths, BatchLimits limits) {
  return plan_batches(lengths, limits);
}

}  // namespace

TEST_CASE("texts go longest first and are cut by count") {
  CHECK(plan({3, 9, 5, 7}, {2, 100}) == std::vector<Batch>{{1, 3}, {2, 0}});
}

TEST_CASE("texts are cut by tokens") { CHECK(plan({40, 30, 30, 20}, {12, 70}) == std::vector<Batch>{{0, 1}, {2, 3}}); }

TEST_CASE("a text over the token budget forms a batch of its own") {
  CHECK(plan({8192, 5, 8192}, {12, 4096}) == std::vector<Batch>{{0}, {2}, {1}});
}

TEST_CASE("equal lengths keep their order") { CHECK(plan({4, 4, 4}, {2, 100}) == std::vector<Batch>{{0, 1}, {2}}); }

TEST_CASE("no texts, no batches") { CHECK(plan({}, {}).empty()); }

TEST_CASE("a limit of zero is refused") {
  test::expect_error(ErrorCode::invalid_argument, [] { plan({1}, {0, 10}); });
  test::expect_error(ErrorCode::invalid_argument, [] { plan({1}, {10, 0}); });
}

TEST_CASE("every text is in exactly one batch and no limit is passed") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::size_t> lengths(random() % 60);
    for (auto& length : lengths) length = 2 + random() % 300;
    const BatchLimits limits{1 + random() % 15, 1 + random() % 900};
    std::vector<std::size_t> seen;
    for (const auto& batch : plan(lengths, limits)) {
      REQUIRE_FALSE(batch.empty());
      std::size_t tokens = 0;
      for (const auto text : batch) tokens += lengths[text];
      CHECK(batch.size() <= limits.texts_max);
      CHECK((tokens <= limits.tokens_max || batch.size() == 1));
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    std::sort(seen.begin(), seen.end());
    std::vector<std::size_t> all(lengths.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    CHECK(seen == all);
  }
}
