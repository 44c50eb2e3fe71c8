#include "model/run_state.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

namespace bgem3 {

StreamPool::Lease::Lease(StreamPool& pool) : pool_(pool) {
  if (pool.device_.is_cpu()) return;
  stream_ = pool.take();
  guard_.reset_stream(*stream_);
}

StreamPool::Lease::~Lease() {
  if (!stream_) return;
  try {
    stream_->synchronize();
    const std::scoped_lock lock(pool_.mutex_);
    pool_.free_.push_back(*stream_);
  } catch (const std::exception&) {
    // A device that failed has told the call already. Its stream is not used again.
  }
}

c10::Stream StreamPool::take() {
  const std::scoped_lock lock(mutex_);
  if (free_.empty()) return c10::impl::VirtualGuardImpl(device_.type()).getStreamFromGlobalPool(device_);
  const c10::Stream stream = free_.back();
  free_.pop_back();
  return stream;
}

}  // namespace bgem3
