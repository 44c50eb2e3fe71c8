#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "pipeline/work_item.h"

namespace bgem3 {

/// The order in which a device computes the batches of a call. `Steps` does the work:
///
///     std::optional<Batch> take()                      the next batch of the call; none when all are taken
///     std::optional<Started> start(const WorkItem&)    nothing when memory has no room for the batch
///     std::array<WorkItem, 2> halve(const WorkItem&)   of a batch that had no room, once no other has memory
///     std::optional<WorkItem> finish(Started)          waits for the results; what is to be computed again
///
/// The rest of a batch, its halves or the same batch again, comes before the next batch.
template <typename Steps>
class BatchLoop {
 public:
  /// `starts_ahead`: a batch is started before the last one is finished. One started batch waits at most.
  BatchLoop(Steps& steps, bool starts_ahead) : steps_(steps), starts_ahead_(starts_ahead) {}

  void run() {
    for (auto item = next(); item || waiting_; item = next()) {
      Started started;
      if (item) started = steps_.start(*item);
      finish_waiting();
      if (item && !started) add_halves(*item);
      waiting_ = std::move(started);
      if (!starts_ahead_) finish_waiting();
    }
  }

 private:
  using Started = decltype(std::declval<Steps&>().start(std::declval<const WorkItem&>()));  // an optional

  std::optional<WorkItem> next() {
    if (todo_.empty()) {
      auto batch = steps_.take();
      if (!batch) return std::nullopt;
      return WorkItem{std::move(*batch), Attempt::first};
    }
    std::optional<WorkItem> item(std::move(todo_.back()));
    todo_.pop_back();
    return item;
  }

  void add_halves(const WorkItem& item) {
    auto [first, second] = steps_.halve(item);
    todo_.push_back(std::move(second));
    todo_.push_back(std::move(first));
  }

  void finish_waiting() {
    if (!waiting_) return;
    auto last = std::exchange(waiting_, std::nullopt);
    if (auto again = steps_.finish(std::move(*last))) todo_.push_back(std::move(*again));
  }

  Steps& steps_;
  const bool starts_ahead_;
  std::vector<WorkItem> todo_;  // the next one last
  Started waiting_;
};

}  // namespace bgem3
