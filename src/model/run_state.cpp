#include "model/run_state.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <c10/util/Exception.h>

#include "model/cuda_device.h"

namespace bgem3 {

StreamPool::State::~State() {
  for (const auto& entry : free) {
    entry->graphs.clear();
    if (entry->stream) give_back_cuda_stream(*entry->stream);
  }
}

StreamPool::Lease::Lease(StreamPool& pool) : state_(pool.state_.get()), entry_(pool.take(state_)) {
  if (entry_->stream) guard_.reset_stream(*entry_->stream);
}

StreamPool::Lease::~Lease() {
  if (!process_.is_here()) {  // the parent's
    [[maybe_unused]] const auto* const left = entry_.release();
    return;
  }
  try {
    if (entry_->stream) entry_->stream->synchronize();
    state_.put_back(std::move(entry_));
  } catch (const std::exception&) {
    // A device that failed has told the call already. Its stream is not used again.
  }
}

void StreamPool::drop_graphs() {
  State& state = state_.get();
  const std::scoped_lock lock(state.mutex);
  ++state.drops;
  for (auto& entry : state.free) entry->graphs.clear();
}

std::unique_ptr<StreamPool::Entry> StreamPool::take(State& state) {
  const std::scoped_lock lock(state.mutex);
  std::unique_ptr<Entry> entry;
  auto& free = state.free;
  if (!free.empty()) {
    const auto of_this_thread = [](const auto& one) { return one->last_thread == std::this_thread::get_id(); };
    const auto found = std::ranges::find_if(free, of_this_thread);
    std::swap(found == free.end() ? free.back() : *found, free.back());
    entry = std::move(free.back());
    free.pop_back();
  } else {
    // NOLINTNEXTLINE(modernize-make-unique): which cannot make aggregates before clang 16
    entry.reset(new Entry{std::nullopt, BatchGraphs(graph_use), 0, {}});
    if (device_.is_cuda()) entry->stream = take_cuda_stream(device_);
  }
  entry->drops_seen = state.drops;
  entry->last_thread = std::this_thread::get_id();
  return entry;
}

void StreamPool::State::put_back(std::unique_ptr<Entry> entry) {
  const std::scoped_lock lock(mutex);
  if (entry->drops_seen != drops) entry->graphs.clear();
  free.push_back(std::move(entry));
}

}  // namespace bgem3
