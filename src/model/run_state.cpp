#include "model/run_state.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <c10/util/Exception.h>

#include "model/cuda_device.h"

namespace bgem3 {

StreamPool::~StreamPool() {
  for (const auto& entry : free_) {
    entry->graphs.clear();
    if (entry->stream) give_back_cuda_stream(*entry->stream);
  }
}

StreamPool::Lease::Lease(StreamPool& pool) : pool_(pool), entry_(pool.take()) {
  if (entry_->stream) guard_.reset_stream(*entry_->stream);
}

StreamPool::Lease::~Lease() {
  try {
    if (entry_->stream) entry_->stream->synchronize();
    pool_.put_back(std::move(entry_));
  } catch (const std::exception&) {
    // A device that failed has told the call already. Its stream is not used again.
  }
}

void StreamPool::drop_graphs() {
  const std::scoped_lock lock(mutex_);
  ++drops_;
  for (auto& entry : free_) entry->graphs.clear();
}

std::unique_ptr<StreamPool::Entry> StreamPool::take() {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<Entry> entry;
  if (!free_.empty()) {
    const auto of_this_thread = [](const auto& one) { return one->last_thread == std::this_thread::get_id(); };
    const auto found = std::ranges::find_if(free_, of_this_thread);
    std::swap(found == free_.end() ? free_.back() : *found, free_.back());
    entry = std::move(free_.back());
    free_.pop_back();
  } else {
    // NOLINTNEXTLINE(modernize-make-unique): which cannot make aggregates before clang 16
    entry.reset(new Entry{std::nullopt, BatchGraphs(graph_use), 0, {}});
    if (device_.is_cuda()) entry->stream = take_cuda_stream(device_);
  }
  entry->drops_seen = drops_;
  entry->last_thread = std::this_thread::get_id();
  return entry;
}

void StreamPool::put_back(std::unique_ptr<Entry> entry) {
  const std::scoped_lock lock(mutex_);
  if (entry->drops_seen != drops_) entry->graphs.clear();
  free_.push_back(std::move(entry));
}

}  // namespace bgem3
