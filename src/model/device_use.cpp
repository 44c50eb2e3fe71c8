#include "model/device_use.h"

#include <algorithm>

namespace bgem3 {

DeviceUse::Lease::Lease(DeviceUse& use, std::span<const std::size_t> allowed, std::size_t count)
    : state_(use.state_.get()), devices_(allowed.begin(), allowed.end()) {
  const std::lock_guard lock(state_.mutex);
  std::ranges::stable_sort(devices_, {}, [&](std::size_t device) { return state_.calls[device]; });
  if (devices_.size() > count) devices_.resize(count);
  for (const auto device : devices_) ++state_.calls[device];
}

DeviceUse::Lease::~Lease() {
  if (!process_.is_here()) return;  // the parent's
  const std::lock_guard lock(state_.mutex);
  for (const auto device : devices_) --state_.calls[device];
}

}  // namespace bgem3
