#pragma once

#include <ctime>

#include <algorithm>
#include <limits>

namespace bgem3::test {

/// What work() takes of a processor, in seconds of this thread, at least: of the machine's other work it counts
/// nothing.
template <typename Work>
double cost_of(const Work& work, int runs = 5) {
  const auto processor_seconds = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  };
  double least = std::numeric_limits<double>::max();
  for (int run = 0; run < runs; ++run) {
    const double before = processor_seconds();
    work();
    least = std::min(least, processor_seconds() - before);
  }
  return least;
}

}  // namespace bgem3::test
