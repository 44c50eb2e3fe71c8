#include "batching/request_queue.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace bgem3 {

void RequestQueue::push(std::shared_ptr<QueuedRequest> request) {
  process_.expect_here("queue");
  const std::size_t texts = request->ids().size();
  const std::lock_guard lock(mutex_);
  if (closed_) throw Error(ErrorCode::overloaded, "shutting down: no more requests are taken");
  if (texts_ > 0 && texts_ + texts > options_.queue_texts) {
    throw Error(ErrorCode::overloaded, fmt::format("the queue is full: {} of at most {} texts wait; try again later",
                                                   texts_, options_.queue_texts));
  }
  pending_.reserve(std::bit_ceil(pending_.size() + 1));
  waiting_.push_back({request});  // the last that memory may run out for
  texts_ += texts;
  for (const auto& ids : request->ids()) tokens_ += ids.size();
  if (request->deadline() < next_deadline_) wake_waiter_.notify_one();
  pending_.push_back(std::move(request));
  wake_.notify_one();
}

std::vector<BatchItem> RequestQueue::take() {
  if (!process_.is_here()) return {};
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return {};
    wake_.wait_until(lock, std::max(Clock::now() + options_.max_wait, expected_until_), [this] {
      return closed_ || waiting_.size() >= expected_requests_ || texts_ >= options_.batch_texts ||
             tokens_ >= options_.batch_tokens;
    });
    if (waiting_.empty()) continue;  // somebody else, or a stop, took them
    auto batch = compose();
    if (!waiting_.empty()) wake_.notify_one();
    return batch;
  }
}

// Counted before the callbacks are called, or the quickest clients would be counted twice.
void RequestQueue::expect_more(const std::vector<BatchItem>& batch, std::chrono::nanoseconds work) {
  if (!process_.is_here()) return;
  const auto is_last = [](const BatchItem& item) { return item.text + 1 == item.request->ids().size(); };
  const auto completed = std::count_if(batch.begin(), batch.end(), is_last);
  const std::lock_guard lock(mutex_);
  expected_requests_ = waiting_.size() + static_cast<std::size_t>(completed);
  if (options_.max_wait.count() > 0) expected_until_ = Clock::now() + work / 20;
}

// A text of each request in turn, as long as they fit.
std::vector<BatchItem> RequestQueue::compose() {
  std::vector<BatchItem> batch;
  batch.reserve(std::min(texts_, options_.batch_texts));  // what is taken from here on is not lost for want of memory
  std::size_t tokens = 0;
  for (bool took = true; took;) {
    took = false;
    for (auto& waiting : waiting_) {
      if (batch.size() >= options_.batch_texts || tokens >= options_.batch_tokens) break;
      took |= take_text(waiting, batch, tokens);
    }
  }
  rotate(batch);
  return batch;
}

bool RequestQueue::take_text(Waiting& waiting, std::vector<BatchItem>& batch, std::size_t& tokens) {
  const QueuedRequest& request = *waiting.request;
  if (waiting.next == request.ids().size() || !request.wants_the_same_as(*waiting_.front().request)) return false;
  const std::size_t length = request.ids()[waiting.next].size();
  if (!batch.empty() && tokens + length > options_.batch_tokens) return false;
  batch.push_back({waiting.request, waiting.next++});
  tokens += length;
  tokens_ -= length;
  --texts_;
  return true;
}

// Who got a place goes to the back, if more is wanted.
void RequestQueue::rotate(const std::vector<BatchItem>& batch) {
  const auto is_served = [&](const Waiting& waiting) {
    return std::any_of(batch.begin(), batch.end(), [&](const auto& item) { return item.request == waiting.request; });
  };
  std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.next == waiting.request->ids().size(); });
  std::stable_partition(waiting_.begin(), waiting_.end(), std::not_fn(is_served));
}

void RequestQueue::remove(const QueuedRequest& request) {
  if (!process_.is_here()) return;
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& waiting) { return waiting.request.get() == &request; });
  if (found != waiting_.end()) {
    count_out(request, found->next);
    waiting_.erase(found);
  }
}

void RequestQueue::count_out(const QueuedRequest& request, std::size_t from) {
  texts_ -= request.ids().size() - from;
  for (std::size_t text = from; text < request.ids().size(); ++text) tokens_ -= request.ids()[text].size();
}

std::optional<std::vector<std::shared_ptr<QueuedRequest>>> RequestQueue::wait_for_late() {
  if (!process_.is_here()) return std::nullopt;
  std::unique_lock lock(mutex_);
  while (!closed_ || !pending_.empty()) {
    if (auto late = find_late(Clock::now()); !late.empty()) return late;
    if (next_deadline_ == Clock::time_point::max()) {
      wake_waiter_.wait(lock);
    } else {
      wake_waiter_.wait_until(lock, next_deadline_);
    }
  }
  return std::nullopt;
}

std::vector<std::shared_ptr<QueuedRequest>> RequestQueue::find_late(Clock::time_point now) {
  std::vector<std::shared_ptr<QueuedRequest>> late;
  next_deadline_ = Clock::time_point::max();
  for (const auto& request : pending_) {
    if (request->is_done()) continue;
    if (request->deadline() <= now) {
      late.push_back(request);
    } else {
      next_deadline_ = std::min(next_deadline_, request->deadline());
    }
  }
  return late;
}

void RequestQueue::forget_responded() {
  if (!process_.is_here()) return;
  // One after the other, which needs no memory. Destroyed without the lock, which a stop callback may wait for.
  for (std::shared_ptr<QueuedRequest> responded = take_responded(); responded;) responded = take_responded();
  const std::lock_guard lock(mutex_);
  if (closed_) wake_waiter_.notify_all();
}

std::shared_ptr<QueuedRequest> RequestQueue::take_responded() {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [](const auto& request) { return request->has_responded(); });
  if (found == pending_.end()) return nullptr;
  std::swap(*found, pending_.back());
  std::shared_ptr<QueuedRequest> responded = std::move(pending_.back());
  pending_.pop_back();
  return responded;
}

void RequestQueue::close() {
  if (!process_.is_here()) return;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_.notify_all();
  wake_waiter_.notify_all();
}

void RequestQueue::count(BatchingStatistics& statistics) const {
  if (!process_.is_here()) return;
  const std::lock_guard lock(mutex_);
  statistics.waiting_requests = waiting_.size();
  statistics.waiting_texts = texts_;
  statistics.waiting_tokens = tokens_;
}

}  // namespace bgem3
