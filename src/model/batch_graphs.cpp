#include "model/batch_graphs.h"

#include <exception>
#include <utility>

namespace bgem3 {
namespace {

void refill(PackedBatch& input, const PackedBatch& staged) {
  input.offsets = staged.offsets;
  input.ids.copy_(staged.ids, /*non_blocking=*/true);
  input.positions.copy_(staged.positions, /*non_blocking=*/true);
  if (staged.types.defined()) input.types.copy_(staged.types, /*non_blocking=*/true);
  if (staged.device_offsets.defined()) input.device_offsets.copy_(staged.device_offsets, /*non_blocking=*/true);
}

}  // namespace

std::optional<BatchResults> BatchGraphs::run(const Key& key, const PackedBatch& staged, at::Device device,
                                             const Forward& forward) {
  Recorded* const recorded = find_or_record(key, staged, device, forward);
  if (recorded == nullptr) return std::nullopt;
  refill(recorded->input, staged);
  recorded->graph->replay();
  ++use_.batches;
  return recorded->results;
}

BatchGraphs::Recorded* BatchGraphs::find_or_record(const Key& key, const PackedBatch& staged, at::Device device,
                                                   const Forward& forward) {
  const auto found = graphs_.find(key);
  if (found != graphs_.end()) return &found->second;
  if (!are_used() || graphs_.size() == graphs_max) return nullptr;
  Recorded& recorded = graphs_[key];  // stays where it is
  try {
    recorded.input = detail::upload(staged, device);
    // Numbers of the host are recorded as they are: the longest text has to be the longest that may come.
    recorded.input.offsets = key.shape.longest_offsets();
    recorded.graph = use_.record([&recorded, forward] { recorded.results = forward(recorded.input); }, memory_);
    return &recorded;
  } catch (const std::exception& error) {
    use_.log.warn("no more CUDA graphs are recorded, which doubles the time of small batches: {}", error.what());
    // The batch runs without a graph, which tells what is wrong if it is more than the recording.
    use_.has_failed = true;
    graphs_.erase(key);
    if (graphs_.empty()) memory_ = {};  // the pool went with its only graph
    return nullptr;
  }
}

void BatchGraphs::clear() {
  graphs_.clear();
  memory_ = {};
}

}  // namespace bgem3
