#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "batching/request_queue.h"
#include "support/expect_error.h"

using namespace bgem3;
using namespace std::chrono_literals;

namespace {

QueuedTexts texts_of(const std::vector<std::size_t>& lengths) {
  QueuedTexts texts;
  for (const auto length : lengths) texts.ids.emplace_back(length, 5);
  return texts;
}

std::shared_ptr<QueuedRequest> request_of(const std::vector<std::size_t>& lengths, const RequestOptions& options = {}) {
  return std::make_shared<QueuedRequest>(
      texts_of(lengths), options, [](const Outcome&) {}, std::chrono::nanoseconds{});
}

// "a0 b0 a1": text 0 of the first request, text 0 of the second, text 1 of the first.
std::string names_of(const std::vector<BatchItem>& batch, const std::vector<std::shared_ptr<QueuedRequest>>& requests) {
  std::string names;
  for (const auto& [request, text] : batch) {
    const auto index = std::find(requests.begin(), requests.end(), request) - requests.begin();
    names += (names.empty() ? "" : " ") + std::string(1, static_cast<char>('a' + index)) + std::to_string(text);
  }
  return names;
}

// A queue knows no device to choose by.
BatchingOptions many_tokens() {
  BatchingOptions options;
  options.batch_tokens = 4096;
  return options;
}

BatchingStatistics count(const RequestQueue& queue) {
  BatchingStatistics statistics;
  queue.count(statistics);
  return statistics;
}

}  // namespace

TEST_CASE("requests take turns text by text, so that a short one need not wait for the end of a long one") {
  BatchingOptions options = many_tokens();
  options.batch_texts = 3;
  RequestQueue queue(options);
  const std::vector requests = {request_of({4, 4, 4, 4, 4}), request_of({4}), request_of({4, 4})};
  for (const auto& request : requests) queue.push(request);
  CHECK(names_of(queue.take(), requests) == "a0 b0 c0");
  CHECK(names_of(queue.take(), requests) == "a1 c1 a2");
  CHECK(names_of(queue.take(), requests) == "a3 a4");
}

TEST_CASE("who has been served goes behind those who have not") {
  BatchingOptions options = many_tokens();
  options.batch_texts = 1;
  RequestQueue queue(options);
  const std::vector requests = {request_of({4, 4, 4}), request_of({4, 4})};
  for (const auto& request : requests) queue.push(request);
  std::string order;
  for (int i = 0; i < 5; ++i) order += names_of(queue.take(), requests) + " ";
  CHECK(order == "a0 b0 a1 b1 a2 ");
}

TEST_CASE("a batch keeps to its tokens; a text of more runs alone; shorter ones fill what is left") {
  BatchingOptions options = many_tokens();
  options.batch_tokens = 10;
  RequestQueue queue(options);
  const std::vector requests = {request_of({6}), request_of({7}), request_of({3}), request_of({50}), request_of({2})};
  for (const auto& request : requests) queue.push(request);
  CHECK(names_of(queue.take(), requests) == "a0 c0");
  CHECK(names_of(queue.take(), requests) == "b0 e0");
  CHECK(names_of(queue.take(), requests) == "d0");
  CHECK(count(queue).waiting_tokens == 0);
}

TEST_CASE("only requests that want the same share a batch, and the oldest says what") {
  RequestOptions sparse;
  sparse.encode.sparse = true;
  RequestQueue queue(many_tokens());
  const std::vector requests = {request_of({4}), request_of({4}, sparse), request_of({4}), request_of({4}, sparse)};
  for (const auto& request : requests) queue.push(request);
  CHECK(names_of(queue.take(), requests) == "a0 c0");
  CHECK(names_of(queue.take(), requests) == "b0 d0");
}

TEST_CASE("a full queue refuses at once; an empty one takes a request of any size") {
  BatchingOptions options = many_tokens();
  options.queue_texts = 2;
  RequestQueue queue(options);
  queue.push(request_of({4, 4, 4}));
  const auto message = test::expect_error(ErrorCode::overloaded, [&] { queue.push(request_of({4})); });
  CHECK(test::contains(message, "3 of at most 2 texts wait"));
  CHECK(count(queue).waiting_texts == 3);
  (void)queue.take();
  queue.push(request_of({4}));
}

TEST_CASE("a closed queue refuses, gives out what it has, and then ends") {
  RequestQueue queue(many_tokens());
  queue.push(request_of({4}));
  queue.close();
  test::expect_error(ErrorCode::overloaded, [&] { queue.push(request_of({4})); });
  CHECK(queue.take().size() == 1);
  CHECK(queue.take().empty());
}

TEST_CASE("what is removed is not computed") {
  RequestQueue queue(many_tokens());
  const std::vector requests = {request_of({4, 4}), request_of({5})};
  for (const auto& request : requests) queue.push(request);
  queue.remove(*requests[0]);
  CHECK(count(queue).waiting_texts == 1);
  CHECK(count(queue).waiting_tokens == 5);
  CHECK(names_of(queue.take(), requests) == "b0");
}

TEST_CASE("a batch waits for as many requests as the one before it had, and no longer than max_wait") {
  BatchingOptions options = many_tokens();
  options.max_wait = 200ms;
  RequestQueue queue(options);
  const auto took = [&] {
    const auto started = Clock::now();
    const auto batch = queue.take();
    const auto waited = Clock::now() - started;
    queue.expect_more(batch, {});
    return std::pair(batch.size(), waited);
  };
  queue.push(request_of({4}));
  CHECK(took().second < 100ms);  // nobody came along before, so nobody is waited for
  queue.push(request_of({4}));
  queue.push(request_of({4}));
  CHECK(took().first == 2);
  queue.push(request_of({4}));
  const auto late = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(20ms);
    queue.push(request_of({4}));
  });
  const auto [texts, time] = took();
  CHECK(texts == 2);
  CHECK(time < 150ms);
  queue.push(request_of({4}));
  CHECK(took().second >= 190ms);  // two were there before; the second does not come
  queue.push(request_of({4}));
  CHECK(took().second < 100ms);
}

TEST_CASE("who waits already is joined by whom the batch before answered, for a twentieth of its time") {
  RequestQueue queue(many_tokens());
  queue.push(request_of({4}));
  auto batch = queue.take();
  CHECK(batch.size() == 1);
  queue.push(request_of({4}));  // while the first is computed
  queue.expect_more(batch, 10s);
  const auto again = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(50ms);  // more than max_wait
    queue.push(request_of({4}));
  });
  batch = queue.take();
  CHECK(batch.size() == 2);
  const auto responded = Clock::now();
  queue.expect_more(batch, 4s);
  queue.push(request_of({4}));
  CHECK(queue.take().size() == 1);  // the other one does not come again
  CHECK(Clock::now() - responded >= 195ms);
  queue.push(request_of({4}));
  const auto later = Clock::now();
  CHECK(queue.take().size() == 1);  // that time is over
  CHECK(Clock::now() - later < 150ms);
}

TEST_CASE("late requests are told by their deadlines, also those in work") {
  RequestQueue queue(many_tokens());
  RequestOptions soon;
  soon.deadline = Clock::now() + 50ms;
  const std::vector requests = {request_of({4}), request_of({4}, soon)};
  for (const auto& request : requests) queue.push(request);
  CHECK(queue.take().size() == 2);
  const auto late = queue.wait_for_late();
  REQUIRE(late);
  REQUIRE(late->size() == 1);
  CHECK(late->front() == requests[1]);
  CHECK(Clock::now() >= soon.deadline);
  queue.close();
  for (const auto& request : requests) request->fail(nullptr);
  queue.forget_responded();
  CHECK_FALSE(queue.wait_for_late());
}

TEST_CASE("a deadline before the one that is waited for is noticed") {
  RequestQueue queue(many_tokens());
  const auto requests = [&] {
    RequestOptions later, sooner;
    later.deadline = Clock::now() + 60s;
    sooner.deadline = Clock::now() + 100ms;
    return std::vector{request_of({4}, later), request_of({4}, sooner)};
  }();
  queue.push(requests[0]);
  auto late = std::async(std::launch::async, [&] { return queue.wait_for_late(); });
  std::this_thread::sleep_for(30ms);
  queue.push(requests[1]);
  REQUIRE(late.wait_for(5s) == std::future_status::ready);
  CHECK(late.get()->front() == requests[1]);
}

TEST_CASE("a request counts as unfinished until its callback has returned") {
  RequestQueue queue(many_tokens());
  std::promise<void> entered, leave;
  const auto request = std::make_shared<QueuedRequest>(
      texts_of({4}), RequestOptions{},
      [&](const Outcome&) {
        entered.set_value();
        leave.get_future().wait();
      },
      std::chrono::nanoseconds{});
  queue.push(request);
  (void)queue.take();
  queue.close();
  auto all_answered = std::async(std::launch::async, [&] { return queue.wait_for_late().has_value(); });
  const auto failing = std::async(std::launch::async, [&] {
    request->fail(nullptr);
    queue.forget_responded();
  });
  entered.get_future().wait();
  CHECK(request->is_done());
  queue.forget_responded();
  CHECK(all_answered.wait_for(50ms) == std::future_status::timeout);
  leave.set_value();
  CHECK_FALSE(all_answered.get());
}
