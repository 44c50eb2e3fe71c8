#include "support/doctest_torch.h"

#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <c10/util/Exception.h>

#include "model/run_state.h"
#include "pipeline/retry.h"
#include "support/expect_error.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

// What is tried when a batch fails, without a model.

namespace {

struct Call {
  explicit Call(at::ScalarType dtype = at::kFloat) {
    model.hidden_dtype = dtype;
    model.info.device = "cuda:0";
    model.info.directory = "somewhere";
    model.info.dtype = dtype == at::kHalf ? Dtype::float16 : Dtype::float32;
    const auto on_log = [this](LogLevel, std::string_view line) { log.emplace_back(line); };
    model.state = std::make_shared<RunState>(at::kCPU, 1, on_log);
    texts = find_distinct({{0, 2}, {0, 2}, {0, 5, 2}, {0, 6, 7, 2}, {0, 8, 9, 7, 2}});
    work.take_new_texts();
  }

  [[nodiscard]] std::size_t fit() const { return model.state->tokens_fit; }

  std::vector<std::string> log;
  Model model;
  DistinctTexts texts;
  CallWork work{texts, 5};
  std::optional<Computation> turn;
  Caller caller{work, nullptr, turn};
  Retry retry{model, work, "pair", caller};
};

[[noreturn]] int run_out_of_memory() { throw std::bad_alloc(); }

[[noreturn]] int fail_in_torch(const std::string& what) {
  throw c10::Error(c10::SourceLocation{__func__, __FILE__, __LINE__}, what);
}

}  // namespace

TEST_CASE("a batch that had no room is halved, and the limit is told and kept when it is news") {
  Call call;
  const auto [first, second] = call.retry.halve({{3, 2, 1}, Attempt::without_graph});
  CHECK(first.batch == Batch{3});
  CHECK(second.batch == Batch{2, 1});
  CHECK(first.attempt == Attempt::without_graph);
  CHECK(second.attempt == Attempt::without_graph);
  CHECK(call.fit() == 6);
  REQUIRE(call.log.size() == 1);
  CHECK(call.log[0] == "not enough memory on cuda:0 for a batch of 12 tokens: from now on they have 6 at most");
  (void)call.retry.halve({{3, 2, 1, 0}, Attempt::first});
  CHECK(call.fit() == 6);
  (void)call.retry.halve({{1, 0}, Attempt::first});
  CHECK(call.fit() == 2);
  CHECK(call.log.size() == 2);
}

TEST_CASE("one text that has no room ends the call, with the reason") {
  Call call;
  CHECK_FALSE(call.retry.unless_out_of_memory([] { return fail_in_torch("CUDA error: out of memory"); }));
  const auto message = expect_error(ErrorCode::out_of_memory, [&] { (void)call.retry.halve({{2}, Attempt::first}); });
  CHECK(contains(message, "not enough memory on cuda:0 for one pair of 4 tokens; lower max_length or free memory: "));
  CHECK(contains(message, "CUDA error: out of memory"));
  CHECK(call.log.empty());
}

TEST_CASE("memory that has run out is caught, and nothing else") {
  Call call;
  CHECK(call.retry.unless_out_of_memory([] { return 7; }) == 7);
  CHECK_FALSE(call.retry.unless_out_of_memory(run_out_of_memory));
  CHECK_THROWS_AS((void)call.retry.unless_out_of_memory([] { return fail_in_torch("an illegal memory access"); }),
                  c10::Error);
  CHECK_THROWS_AS((void)call.retry.unless_out_of_memory([]() -> int { throw std::runtime_error("a bug"); }),
                  std::runtime_error);
}

TEST_CASE("what a callback throws is never taken for a batch that had no room") {
  Call call;
  const auto with_callback = [&] {
    call.caller.call_back(run_out_of_memory);
    return 7;
  };
  CHECK_THROWS_AS((void)call.retry.unless_out_of_memory(with_callback), std::bad_alloc);
  CHECK(call.caller.has_thrown());
}

TEST_CASE("a result that is not a number is computed without a graph, then in float32 where it was float16") {
  Call call(at::kHalf);
  const WorkItem second = call.retry.after_not_a_number({{3, 2}, Attempt::first}, 2);
  CHECK(second.attempt == Attempt::without_graph);
  CHECK(second.batch == Batch{3, 2});
  CHECK(call.model.state->recomputed_batches == 0);
  const WorkItem third = call.retry.after_not_a_number(second, 2);
  CHECK(third.attempt == Attempt::float32);
  CHECK(third.batch == Batch{3, 2});
  CHECK(call.model.state->recomputed_batches == 1);
  const auto message = expect_error(ErrorCode::bad_model, [&] { (void)call.retry.after_not_a_number(third, 2); });
  CHECK(contains(message, "pair 3 of the call (4 tokens): the result has NaN or infinity, computed in float32; "));
  CHECK(contains(message, "'somewhere'"));
}

TEST_CASE("float32 has no more digits to try") {
  Call call;
  const auto message = expect_error(ErrorCode::bad_model, [&] {
    (void)call.retry.after_not_a_number({{0}, Attempt::without_graph}, 0);
  });
  CHECK(contains(message, "pair 0 of the call (2 tokens)"));
  CHECK(call.model.state->recomputed_batches == 0);
}

TEST_CASE("batches that are computed again are told when there are twice as many") {
  Call call(at::kHalf);
  for (int i = 0; i < 9; ++i) (void)call.retry.after_not_a_number({{0}, Attempt::without_graph}, 0);
  REQUIRE(call.log.size() == 4);
  CHECK(contains(call.log[3], "batches so far: 8"));
}
