#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "batching/queued_request.h"

namespace bgem3 {

/// One text of a batch: text `text` of `request`.
struct BatchItem {
  std::shared_ptr<QueuedRequest> request;
  std::size_t text;
};

/// Requests that wait, and the rule by which they share batches. All members may be called from any thread. In a forked
/// child a queue of the parent's is empty and closed, and stays so.
class RequestQueue {
 public:
  /// All limits of `options` are positive.
  explicit RequestQueue(BatchingOptions options) : options_(std::move(options)) {}

  /// @throws Error overloaded when it is full or closed, invalid_argument in a forked child
  void push(std::shared_ptr<QueuedRequest> request);

  /// The next batch; waits for one. Empty once the queue is closed and nothing is left.
  std::vector<BatchItem> take();

  /// The callbacks of requests that `batch` has completed are about to be called, after so much work: their callers may
  /// ask again.
  void expect_more(const std::vector<BatchItem>& batch, std::chrono::nanoseconds work);

  /// Forgets texts of a request that are not in a batch yet.
  void remove(const QueuedRequest& request);

  /// Waits until the next deadline of a waiting or running request has passed, and gives the requests that are past
  /// theirs, which the caller should end. Nothing once the queue is closed and all requests are done with.
  std::optional<std::vector<std::shared_ptr<QueuedRequest>>> wait_for_late();

  /// To be called when callbacks have returned.
  void forget_responded();

  /// No more requests are taken.
  void close();

  void count(BatchingStatistics& statistics) const;

 private:
  struct Waiting {
    std::shared_ptr<QueuedRequest> request;
    std::size_t next = 0;  // the first of its texts that is in no batch yet
  };

  [[nodiscard]] std::vector<BatchItem> compose();
  bool take_text(Waiting& waiting, std::vector<BatchItem>& batch, std::size_t& tokens);
  void rotate(const std::vector<BatchItem>& batch);
  std::vector<std::shared_ptr<QueuedRequest>> find_late(Clock::time_point now);
  std::shared_ptr<QueuedRequest> take_responded();
  void count_out(const QueuedRequest& request, std::size_t from);

  const ProcessMark process_;
  const BatchingOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;         // of workers
  std::condition_variable wake_waiter_;  // of wait_for_late()
  std::deque<Waiting> waiting_;
  std::vector<std::shared_ptr<QueuedRequest>> pending_;         // waiting or running
  Clock::time_point next_deadline_ = Clock::time_point::max();  // that wait_for_late() waits for
  std::size_t texts_ = 0;                                       // waiting
  std::size_t tokens_ = 0;                                      // waiting
  std::size_t expected_requests_ = 1;                           // requests that are worth waiting for
  Clock::time_point expected_until_;                            // when those of the last batch should have asked again
  bool closed_ = false;
};

}  // namespace bgem3
