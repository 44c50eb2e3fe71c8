#include "api/c/errors.h"

#include <array>
#include <exception>
#include <new>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/version.h"

namespace bgem3::c_api {
namespace {

constexpr std::array<ErrorCode, 9> codes = {
    ErrorCode::invalid_argument,  ErrorCode::bad_model, ErrorCode::io_error,
    ErrorCode::out_of_memory,     ErrorCode::cancelled, ErrorCode::overloaded,
    ErrorCode::deadline_exceeded, ErrorCode::internal,  ErrorCode::model_changed};

// 0 is success in C, so each status is one more than its code.
constexpr bgem3_status status_of(ErrorCode code) { return static_cast<bgem3_status>(static_cast<int>(code) + 1); }

static_assert(status_of(ErrorCode::invalid_argument) == BGEM3_INVALID_ARGUMENT);
static_assert(status_of(ErrorCode::bad_model) == BGEM3_BAD_MODEL);
static_assert(status_of(ErrorCode::io_error) == BGEM3_IO_ERROR);
static_assert(status_of(ErrorCode::out_of_memory) == BGEM3_OUT_OF_MEMORY);
static_assert(status_of(ErrorCode::cancelled) == BGEM3_CANCELLED);
static_assert(status_of(ErrorCode::overloaded) == BGEM3_OVERLOADED);
static_assert(status_of(ErrorCode::deadline_exceeded) == BGEM3_DEADLINE_EXCEEDED);
static_assert(status_of(ErrorCode::internal) == BGEM3_INTERNAL);
static_assert(status_of(ErrorCode::model_changed) == BGEM3_MODEL_CHANGED);

// `text` is the message: kept in `memory`, or a literal where there was no memory for it.
struct LastError {
  std::string memory;
  const char* text = "";
};

LastError& last_error() noexcept {
  thread_local LastError error;
  return error;
}

bgem3_status fail(ErrorCode code, const char* message) noexcept {
  LastError& last = last_error();
  try {
    last.memory = message;
    last.text = last.memory.c_str();
  } catch (const std::bad_alloc&) {
    last.text = "not enough memory for the message";
  }
  return status_of(code);
}

}  // namespace

void refuse(const std::string& message) { throw Error(ErrorCode::invalid_argument, message); }

void refuse_null(const char* name) { refuse(fmt::format("{} should be a pointer, found NULL", name)); }

void expect_index(std::size_t index, std::size_t count) {
  if (index >= count) refuse(fmt::format("index should be less than {}, the number of texts, found {}", count, index));
}

bgem3_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::out_of_memory, "not enough memory");
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what());
  } catch (...) {
    return fail(ErrorCode::internal, "an exception of a type that bgem3 does not throw: a callback must return");
  }
}

}  // namespace bgem3::c_api

using namespace bgem3;

const char* bgem3_status_name(bgem3_status status) {
  if (status == BGEM3_OK) return "ok";
  for (const ErrorCode code : c_api::codes) {
    if (c_api::status_of(code) == status) return to_string(code).data();  // of a literal, so it ends with a zero
  }
  return "unknown";
}

const char* bgem3_last_error() { return c_api::last_error().text; }

const char* bgem3_version() { return BGEM3_VERSION_STRING; }
