#pragma once

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

// Replaces operator new of the program: to be included by one of its files.

namespace bgem3::test {

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

// NOLINTBEGIN(cppcoreguidelines-no-malloc, misc-new-delete-overloads, misc-definitions-in-headers)
// Never inline, or GCC takes malloc and delete for a pair that does not match.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = bgem3::test::allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc, misc-new-delete-overloads, misc-definitions-in-headers)
