#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/process_mark.h"
#include "batching/batch_worker.h"
#include "batching/request_queue.h"

namespace bgem3 {

/// `options` with what suits `device`, a name as of LoadOptions, where they are 0.
BatchingOptions with_defaults(BatchingOptions options, const std::string& device);

/// @throws Error deadline_exceeded when it has passed
void check_deadline(Clock::time_point deadline);

/// A callback for an outcome, and the future that it completes: with `result` of the outcome, or with its error.
template <typename Result, typename Outcome>
std::pair<std::function<void(Outcome)>, std::future<Result>> promise_of(Result Outcome::*result) {
  const auto promise = std::make_shared<std::promise<Result>>();
  auto callback = [promise, result](Outcome outcome) {
    if (outcome.error) {
      promise->set_exception(outcome.error);
    } else {
      promise->set_value(std::move(outcome.*result));
    }
  };
  return {std::move(callback), promise->get_future()};
}

/// What BatchingEmbedder and BatchingReranker have in common: a queue, the threads that compute its batches, and one
/// that fails late requests. In a forked child it cannot be destroyed: see OwnedHere.
class Batcher {
 public:
  /// @throws Error invalid_argument for sizes of 0, too many workers and negative times; std::system_error where the
  /// system gives no thread
  Batcher(EncodeQueued encode, BatchingOptions options);
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;
  /// Drains.
  ~Batcher();

  /// @throws Error invalid_argument in a forked child; `what` is the name of whose part this is
  void expect_here(const char* what) const { process_.expect_here(what); }

  /// @throws Error overloaded when the queue is full or after drain()
  void push(QueuedTexts texts, RequestOptions options, BatchingEmbedder::Callback callback,
            std::chrono::nanoseconds tokenize);

  /// In a forked child, nothing is waited for.
  void drain();

  [[nodiscard]] BatchingStatistics statistics() const;

 private:
  void start();
  void fail_late_requests();

  const ProcessMark process_;
  const EncodeQueued encode_;
  const BatchingOptions options_;
  const std::shared_ptr<RequestQueue> queue_;
  std::deque<BatchWorker> workers_;  // they do not move
  std::mutex draining_;
  std::vector<std::thread> threads_;
};

}  // namespace bgem3
