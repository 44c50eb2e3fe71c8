#include "support/doctest_torch.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

#include "base/border.h"
#include "bgem3/batching_reranker.h"
#include "support/expect_error.h"
#include "support/failing_new.h"

using namespace bgem3;
using test::allocations_left;
using test::contains;
using test::expect_error;

namespace {

// Calls work() with its first allocation failing, then its second, and so on, until one call needs no more. Nothing but
// an Error may come out.
template <typename Work>
void fail_each_allocation(const Work& work) {
  bool failed = true;
  for (long good = 0; failed; ++good) {
    CAPTURE(good);
    REQUIRE(good < 100'000);
    failed = false;
    allocations_left = good;
    try {
      work();
    } catch (const Error& error) {
      allocations_left = -1;
      failed = true;
      CHECK((error.code() == ErrorCode::out_of_memory || error.code() == ErrorCode::bad_model));
    } catch (...) {
      allocations_left = -1;
      FAIL("something else than an Error");
    }
    if (allocations_left < 0) failed = true;  // a failure that somebody made good
    allocations_left = -1;
  }
}

const std::filesystem::path nano = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "nano";

// In place of a model.
Embeddings encode(const std::vector<TokenIds>& texts, const EncodeOptions& /*options*/) {
  Embeddings embeddings;
  embeddings.dense = Matrix(texts.size(), 1);
  embeddings.token_counts.resize(texts.size());
  return embeddings;
}

}  // namespace

TEST_CASE("whatever comes from below the border is an Error") {
  CHECK(leave_as_error([] { return 3; }) == 3);
  expect_error(ErrorCode::bad_model, [] { leave_as_error([] { throw Error(ErrorCode::bad_model, "as it is"); }); });
  expect_error(ErrorCode::out_of_memory, [] { leave_as_error([] { throw std::bad_alloc(); }); });
  const auto thread = expect_error(ErrorCode::out_of_memory, [] {
    leave_as_error([] { throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again)); });
  });
  CHECK(contains(thread, "no more threads"));
  expect_error(ErrorCode::io_error, [] {
    leave_as_error(
        [] { throw std::filesystem::filesystem_error("x", std::make_error_code(std::errc::permission_denied)); });
  });
  const auto other = expect_error(ErrorCode::internal, [] { leave_as_error([] { throw std::length_error("why"); }); });
  CHECK(contains(other, "why"));
}

TEST_CASE("a Tokenizer without memory") {
  const Tokenizer tokenizer = Tokenizer::load(nano);
  const std::vector<std::string_view> texts = {"Hello World", "\xFF is repaired, 世界"};
  fail_each_allocation([&] { (void)tokenizer.encode(texts[1], 6); });
  fail_each_allocation([&] { (void)tokenizer.encode_batch(texts, 0, 2); });
  fail_each_allocation([&] { (void)tokenizer.count_tokens(texts[0]); });
}

TEST_CASE("a BatchingEmbedder without memory") {
  const Tokenizer tokenizer = Tokenizer::load(nano);
  fail_each_allocation([&] { const BatchingEmbedder batching(tokenizer, 100, encode); });
  const std::vector<std::string> texts = {"Hello World"};
  fail_each_allocation([&] {
    BatchingEmbedder batching(tokenizer, 100, encode);
    (void)batching.submit(texts).get();
  });
}

TEST_CASE("a request that is stopped without memory is answered once, or refused") {
  const Tokenizer tokenizer = Tokenizer::load(nano);
  const std::vector<TokenIds> texts = {{0, 5, 2}};
  std::stop_source stop;
  stop.request_stop();
  fail_each_allocation([&] {
    std::atomic<int> answers = 0;
    {
      BatchingEmbedder batching(tokenizer, 100, encode);
      RequestOptions options;
      options.stop = stop.get_token();
      try {
        batching.submit_ids(leave_as_error([&] { return texts; }), options, [&](const Outcome&) { ++answers; });
      } catch (...) {
        batching.drain();
        REQUIRE(answers == 0);
        throw;
      }
    }
    REQUIRE(answers == 1);
  });
}

TEST_CASE("a BatchingReranker without memory") {
  const auto tokenize = [](std::span<const TextPair> pairs, const RerankOptions&, const std::stop_token&) {
    return std::vector<PairIds>(pairs.size(), PairIds{{0, 2, 2, 2}, 2});
  };
  const auto score = [](const std::vector<PairIds>& pairs, const RerankOptions&) {
    return std::vector<float>(pairs.size());
  };
  fail_each_allocation([&] { const BatchingReranker batching(tokenize, score); });
  const std::vector<TextPair> pairs = {{"a query", "a passage"}};
  fail_each_allocation([&] {
    BatchingReranker batching(tokenize, score);
    (void)batching.submit(pairs).get();
  });
}
