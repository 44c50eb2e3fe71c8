#pragma once

#include <new>
#include <string>
#include <utility>

#include <c10/util/Exception.h>

#include "bgem3/error.h"

namespace bgem3 {

/// Whether LibTorch, or a library under it, had not enough memory, on a device or on the host.
bool is_out_of_memory(const c10::Error& error);

/// The border of the library: what comes from below leaves as Error, what a caller's callback throws passes unchanged,
/// unless it is one of these.
template <typename Work>
auto translate_errors(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (is_out_of_memory(error)) throw Error(ErrorCode::out_of_memory, "not enough memory: " + what);
    throw Error(ErrorCode::internal, "LibTorch failed: " + what);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory");
  }
}

}  // namespace bgem3
