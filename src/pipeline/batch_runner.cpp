#include "pipeline/batch_runner.h"

#include <array>
#include <utility>

#include <c10/core/InferenceMode.h>

#include "model/thread_count.h"
#include "pipeline/batch_loop.h"
#include "pipeline/retry.h"
#include "pipeline/started_batch.h"
#include "pipeline/unchanged_files.h"

namespace bgem3 {

// What BatchLoop does, for as long as this thread has a stream of the device.
class BatchRunner::Steps {
 public:
  Steps(BatchRunner& runner, BatchGraphs& graphs)
      : runner_(runner),
        starter_(runner.model_, graphs, runner.work_.texts(), runner.options_, runner.caller_),
        retry_(runner.model_, runner.work_, runner.options_.relevance ? "pair" : "text", runner.caller_) {}
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  ~Steps() { runner_.turn_.reset(); }  // other devices of this call may wait for it

  std::optional<Batch> take() {
    runner_.turn_.reset();
    auto batch = runner_.work_.take();
    if (batch && !runner_.model_.execution.is_queued()) runner_.take_turn();
    return batch;
  }

  std::optional<StartedBatch> start(const WorkItem& item) {
    return retry_.unless_out_of_memory([&] { return starter_.start(item); });
  }

  std::array<WorkItem, 2> halve(const WorkItem& item) { return retry_.halve(item); }

  std::optional<WorkItem> finish(StartedBatch started) {
    started.transfer.wait();
    expect_unchanged_files(runner_.model_, runner_.caller_);
    auto& batch = started.item.batch;
    if (const auto not_a_number = runner_.store_(batch, started.offsets, started.results)) {
      const std::size_t text = batch[*not_a_number];
      return retry_.after_not_a_number(std::move(started.item), text);
    }
    runner_.work_.finish(batch);
    runner_.report_progress();
    return std::nullopt;
  }

 private:
  BatchRunner& runner_;
  BatchStarter starter_;
  Retry retry_;
};

void BatchRunner::run() {
  const c10::InferenceMode no_autograd;
  expect_unchanged_files(model_, caller_);
  const StreamPool::Lease stream(model_.state->streams);
  Steps steps(*this, stream.graphs());
  BatchLoop(steps, model_.execution.is_queued()).run();
}

// On the CPU, where the calls of many threads would take processors and caches from each other. There, nothing of a
// batch is left to be done after it.
void BatchRunner::take_turn() {
  const unsigned threads = ThreadCount::usable(model_.execution.threads);
  turn_.emplace(model_.state->slots, threads);
  if (threads == model_.execution.threads || model_.state->told_of_lost_threads.exchange(true)) return;
  caller_.call_back([&] {
    model_.state->log.warn(
        "this thread has forked the process it is in, and its team of OpenMP threads stayed with the parent: it "
        "computes alone, where another thread would compute with {}",
        model_.execution.threads);
  });
}

}  // namespace bgem3
