#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <ATen/Parallel.h>

namespace bgem3::cpu {

/// So many parts make up `size`, the last of which may be smaller.
inline std::int64_t parts_of(std::int64_t size, std::int64_t part) { return (size + part - 1) / part; }

/// Tasks 0 … count - 1, each taken once, by whichever thread is free.
class Tasks {
 public:
  explicit Tasks(std::int64_t count) : count_(count) {}

  /// work(task) for those that this thread gets.
  template <typename Work>
  void share(const Work& work) {
    for (std::int64_t task = next_++; task < count_; task = next_++) {
      work(task);
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  /// After share(): until the others have done theirs, which they have all begun.
  void wait() const {
    while (done_.load(std::memory_order_acquire) < count_) {
    }
  }

 private:
  std::int64_t count_;
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<std::int64_t> done_ = 0;
};

/// work() on each of LibTorch's threads, `most` at most.
template <typename Work>
void on_threads(std::int64_t most, const Work& work) {
  const auto threads = std::min<std::int64_t>(at::get_num_threads(), most);
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) { work(); });
}

}  // namespace bgem3::cpu
