#pragma once

#include <atomic>
#include <random>

namespace bgem3::test {

// What failing_new.h makes fail.

/// So many allocations of the whole process succeed before one fails. Negative: all.
inline std::atomic<long> allocations_left = -1;

/// One in so many fails, at random. 0: none.
inline std::atomic<unsigned> failing_one_in = 0;

inline bool allocation_fails() {
  if (allocations_left >= 0 && allocations_left-- == 0) return true;
  const unsigned one_in = failing_one_in;
  if (one_in == 0) return false;
  static std::atomic<unsigned> seed = 0;
  thread_local std::minstd_rand random(++seed);
  return random() % one_in == 0;
}

}  // namespace bgem3::test
