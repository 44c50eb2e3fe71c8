#pragma once

#include <cstddef>
#include <string>

#include "bgem3/c.h"

namespace bgem3::c_api {

/// Throws Error invalid_argument.
[[noreturn]] void refuse(const std::string& message);

[[noreturn]] void refuse_null(const char* name);

template <typename Value>
void expect_pointer(const Value* pointer, const char* name) {
  if (pointer == nullptr) refuse_null(name);
}

/// Refuses an index that is not below `count`.
void expect_index(std::size_t index, std::size_t count);

/// Where a function writes one of its results.
template <typename Value>
struct Result {
  Value* pointer;
  const char* name;
};
template <typename Value>
Result(Value*, const char*) -> Result<Value>;  // which clang finds by itself from 17 on

/// Sets all results to zero, so that none is left as it was when the call fails, and refuses NULL.
template <typename... Values>
void clear(Result<Values>... results) {
  ((results.pointer == nullptr ? void() : void(*results.pointer = Values{})), ...);
  (expect_pointer(results.pointer, results.name), ...);
}

/// Within a catch block: keeps what the exception says for bgem3_last_error(), and returns the status that it stands
/// for.
bgem3_status status_of_exception() noexcept;

/// The border of the C interface: runs `work`, and no exception leaves.
template <typename Work>
bgem3_status guarded(Work&& work) noexcept {
  try {
    work();
    return BGEM3_OK;
  } catch (...) {
    return status_of_exception();
  }
}

/// The same for a function that returns a value: what `work` returns, or a zero of that type.
template <typename Work>
auto guarded_value(Work&& work) noexcept {
  decltype(work()) value{};
  (void)guarded([&] { value = work(); });
  return value;
}

}  // namespace bgem3::c_api
