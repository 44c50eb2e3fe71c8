#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "base/process_mark.h"

namespace bgem3 {

/// Which devices of a model are busy, so that calls go to those that are least. In a forked child none is.
class DeviceUse {
  struct State;

 public:
  explicit DeviceUse(std::size_t devices) : state_([=] { return std::make_unique<State>(devices); }) {}

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
    State& state_;
    const ProcessMark process_;
    std::vector<std::size_t> devices_;
  };

 private:
  // Of one process.
  struct State {
    explicit State(std::size_t devices) : calls(devices) {}

    std::mutex mutex;
    std::vector<unsigned> calls;  // of each device
  };

  PerProcess<State> state_;
};

}  // namespace bgem3
