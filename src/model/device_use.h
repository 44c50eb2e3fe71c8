#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

namespace bgem3 {

/// Which devices of a model are busy, so that calls go to those that are least.
class DeviceUse {
 public:
  explicit DeviceUse(std::size_t devices) : calls_(devices) {}
  DeviceUse(const DeviceUse&) = delete;
  DeviceUse& operator=(const DeviceUse&) = delete;

  /// Some devices, which count as busy with one more call for as long as this lives.
  class Lease {
   public:
    /// The least busy `count` devices of `allowed`, or all of these if they are fewer; of equals the first.
    Lease(DeviceUse& use, std::span<const std::size_t> allowed, std::size_t count);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();

    [[nodiscard]] std::span<const std::size_t> devices() const noexcept { return devices_; }

   private:
    DeviceUse& use_;
    std::vector<std::size_t> devices_;
  };

 private:
  std::mutex mutex_;
  std::vector<unsigned> calls_;  // of each device
};

}  // namespace bgem3
