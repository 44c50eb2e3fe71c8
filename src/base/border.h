#pragma once

#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "bgem3/error.h"

namespace bgem3 {

/// The border of the library where no code of the caller's runs below it: whatever comes from there leaves as Error.
template <typename Work>
auto leave_as_error(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory");
  } catch (const std::system_error& error) {
    const bool no_thread = error.code() == std::errc::resource_unavailable_try_again;
    throw Error(no_thread ? ErrorCode::out_of_memory : ErrorCode::io_error,
                std::string(no_thread ? "the system gives no more threads: " : "the system failed: ") + error.what());
  } catch (const std::exception& error) {
    throw Error(ErrorCode::internal, std::string("unexpected: ") + error.what());
  }
}

}  // namespace bgem3
