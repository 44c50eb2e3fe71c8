#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "bgem3/batch_plan.h"
#include "bgem3/options.h"
#include "pipeline/distinct_texts.h"

namespace bgem3 {

/// What is to be computed of a call, and how far it has come: shared by the threads that compute it, one for each
/// device.
class CallWork {
 public:
  /// `texts` has to outlive this. The call has `texts_total` texts, which may come to `texts` little by little.
  CallWork(const DistinctTexts& texts, std::size_t texts_total);

  // Of the calling thread, while no other computes.

  /// Counts the texts that have come since the last time. Those before are done, and so are their repetitions.
  void take_new_texts();
  /// Token counts of the new ones.
  [[nodiscard]] std::span<const std::size_t> new_token_counts() const {
    return std::span(token_counts_).subspan(first_);
  }
  /// Cuts the new ones into batches, and returns their number.
  std::size_t plan(const BatchLimits& limits);

  // Of any thread.

  [[nodiscard]] const DistinctTexts& texts() const noexcept { return texts_; }
  [[nodiscard]] std::size_t token_count(std::size_t text) const noexcept { return token_counts_[text]; }

  /// The next batch; none when all are taken or the call is over.
  std::optional<Batch> take();
  /// A batch, or a part of one, is done.
  void finish(const Batch& batch);
  [[nodiscard]] Progress progress() const;

  /// Ends the call with an error, of which the first counts.
  void fail(std::exception_ptr error);
  [[nodiscard]] bool has_failed() const noexcept { return failed_; }
  void rethrow() const;

  // What helpers tell the calling thread, which alone runs the caller's callbacks.

  void start_helper();
  /// After a layer.
  void nudge();
  void end_helper();
  /// Waits for the next nudge; false when all helpers have ended and there is none any more.
  bool wait_for_nudge();

 private:
  const DistinctTexts& texts_;
  std::vector<std::size_t> token_counts_;  // of the distinct texts that have come
  std::size_t first_ = 0;                  // of the new ones
  std::size_t texts_seen_ = 0;             // of the call
  std::size_t tokens_seen_ = 0;
  std::atomic<bool> failed_ = false;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable nudged_;
  std::vector<Batch> batches_;
  std::size_t next_ = 0;
  Progress progress_;
  std::exception_ptr error_;
  std::size_t helpers_ = 0;
  std::size_t nudges_ = 0, nudges_seen_ = 0;
};

}  // namespace bgem3
