#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <ATen/Parallel.h>

namespace bgem3::cpu {

/// work(take) on each of LibTorch's threads, as many as there are tasks for; take() gives the next of `count` tasks,
/// and `count` when there is none.
template <typename Work>
void share_tasks(std::int64_t count, const Work& work) {
  std::atomic<std::int64_t> next = 0;
  const auto take = [&] { return std::min(next++, count); };
  const auto threads = std::min<std::int64_t>(at::get_num_threads(), count);
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) { work(take); });
}

}  // namespace bgem3::cpu
