#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace bgem3::detail {

/// Runs `work(next)` on `threads` threads, this one included. next() hands out the indices below `count`, each once,
/// and nothing when they are used up, so that long items do not hold up the others. The first exception is thrown here,
/// after all threads have ended.
template <typename Work>
void share_indices(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> taken = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto next = [&]() -> std::optional<std::size_t> {
    const std::size_t index = taken.fetch_add(1, std::memory_order_relaxed);
    return index < count ? std::optional(index) : std::nullopt;
  };
  const auto run = [&] {
    try {
      work(next);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      taken = count;  // the others need not go on
    }
  };
  std::vector<std::jthread> helpers;
  try {
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(run);
  } catch (const std::system_error&) {
    // The system gives no more threads; those there do all the work.
  }
  run();
  helpers.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bgem3::detail
