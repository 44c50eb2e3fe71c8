#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "bgem3/export.h"

namespace bgem3 {

/// What kind of fault an Error reports. A server maps the code to a status; a caller decides with it whether to retry.
enum class ErrorCode {
  invalid_argument,   ///< The call was wrong: an option, a text, a path. Retrying without a change fails again.
  bad_model,          ///< The model directory is incomplete, damaged or of a kind that is not supported.
  io_error,           ///< The operating system refused: unreadable file, full disk, closed pipe.
  out_of_memory,      ///< Host or device memory ran out; a smaller batch may pass.
  cancelled,          ///< The progress callback, or a request's stop token, asked to stop.
  overloaded,         ///< Too many requests in flight.
  deadline_exceeded,  ///< The caller's time limit passed first.
  internal,           ///< A bug here or in a library below.
  /// A file of the model was changed, or can no longer be read, while it was in use. No result that may come from the
  /// change is given out. The model has to be loaded again.
  model_changed,
};

/// "bad_model" for ErrorCode::bad_model, and so on; for logs and messages.
constexpr std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::bad_model: return "bad_model";
    case ErrorCode::io_error: return "io_error";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::overloaded: return "overloaded";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::internal: return "internal";
    case ErrorCode::model_changed: return "model_changed";
  }
  return "unknown";
}

/// The one exception type that leaves the library. what() says what was expected, what was found, in which file or
/// argument, and what to do about it. It is UTF-8 of at most 8,000 bytes; but for the line feed it has no control
/// characters, nor any that turn the direction of writing: these are escaped, as "\x1b" or "\u202e".
class BGEM3_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace bgem3
