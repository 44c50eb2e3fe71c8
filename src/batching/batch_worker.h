#pragma once

#include <atomic>
#include <vector>

#include "base/process_mark.h"
#include "batching/request_queue.h"

namespace bgem3 {

/// Computes the batches of a queue, one after the other, on the thread that calls run().
class BatchWorker {
 public:
  BatchWorker(RequestQueue& queue, const EncodeQueued& encode, const BatchingOptions& options)
      : queue_(queue), encode_(encode), options_(options) {}

  /// Until the queue is closed and empty. In a child that a callback has forked, until that returns.
  void run();

  /// Adds whether a batch is in work, and for how long that has not come on. Any thread.
  void count(BatchingStatistics& statistics) const;

 private:
  void run(const std::vector<BatchItem>& batch);
  void compute(const std::vector<BatchItem>& batch);
  void compute_each_alone(const std::vector<BatchItem>& batch);
  void encode_together(const std::vector<BatchItem>& batch);
  bool report_progress(const std::vector<BatchItem>& batch);

  const ProcessMark process_;
  RequestQueue& queue_;
  const EncodeQueued& encode_;
  const BatchingOptions& options_;
  std::atomic<Clock::rep> last_progress_ = 0;  // 0: no batch is in work
};

}  // namespace bgem3
