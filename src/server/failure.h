#pragma once

#include <exception>
#include <stdexcept>
#include <string>

#include "server/http/message.h"

namespace bgem3::server {

/// Why a request does not get what it wished; the table in docs/serving.md has them all.
class Failure : public std::runtime_error {
 public:
  Failure(unsigned status, std::string code, const std::string& message)
      : std::runtime_error(message), status_(status), code_(std::move(code)) {}

  [[nodiscard]] unsigned status() const noexcept { return status_; }
  [[nodiscard]] const std::string& code() const noexcept { return code_; }

 private:
  unsigned status_;
  std::string code_;
};

/// A field of a body that is missing, of the wrong type or out of range.
inline Failure invalid_argument(const std::string& message) { return {422, "invalid_argument", message}; }

/// The failure that an exception stands for, whatever it is. Says of defects no more than that there is one.
Failure to_failure(const std::exception_ptr& error);

/// What stands under "error" in the JSON body of an error.
enum class ErrorForm {
  with_object,  ///< {"message", "type", "code"}
  with_text     ///< the message, as Ollama's clients read it
};

/// With the JSON body that every error has, and Retry-After where that makes sense.
Response to_response(const Failure& failure, ErrorForm form);

}  // namespace bgem3::server
