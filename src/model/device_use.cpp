#include "model/device_use.h"

#include <algorithm>

namespace bgem3 {

DeviceUse::Lease::Lease(DeviceUse& use, std::span<const std::size_t> allowed, std::size_t count)
    : use_(use), devices_(allowed.begin(), allowed.end()) {
  const std::lock_guard lock(use_.mutex_);
  std::ranges::stable_sort(devices_, {}, [&](std::size_t device) { return use_.calls_[device]; });
  if (devices_.size() > count) devices_.resize(count);
  for (const auto device : devices_) ++use_.calls_[device];
}

DeviceUse::Lease::~Lease() {
  const std::lock_guard lock(use_.mutex_);
  for (const auto device : devices_) --use_.calls_[device];
}

}  // namespace bgem3
