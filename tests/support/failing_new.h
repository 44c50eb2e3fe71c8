#pragma once

#include <cstdlib>
#include <new>

#include "support/failing_allocations.h"

// Replaces operator new of the program: to be included by one of its files.

// NOLINTBEGIN(cppcoreguidelines-no-malloc, misc-new-delete-overloads, misc-definitions-in-headers)
// Never inline, or GCC takes malloc and delete for a pair that does not match.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return bgem3::test::allocation_fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* const memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc, misc-new-delete-overloads, misc-definitions-in-headers)
