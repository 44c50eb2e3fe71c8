#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <thread>

#include "bgem3/error.h"
#include "bgem3/options.h"

namespace bgem3::test {

/// Where the batches of a stub of a model are counted, and wait for as long as a test wants.
struct BatchGate {
  std::mutex gate;  // locked: a batch that has begun waits
  std::atomic<int> batches = 0;
  std::atomic<int> largest_batch = 0;
  std::atomic<bool> was_stopped = false;

  /// For a batch of so many texts, which `on_progress` may stop.
  void pass(std::size_t texts, const ProgressCallback& on_progress) {
    ++batches;
    largest_batch = std::max(largest_batch.load(), static_cast<int>(texts));
    while (!gate.try_lock()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (on_progress({})) continue;
      was_stopped = true;
      throw Error(ErrorCode::cancelled, "stopped");
    }
    gate.unlock();
  }
};

}  // namespace bgem3::test
