#include "server/failure.h"

#include <new>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "server/codings.h"
#include "server/json_fields.h"

namespace bgem3::server {
namespace {

Failure to_failure(const Error& error) {
  switch (error.code()) {
    case ErrorCode::invalid_argument: return {422, "invalid_argument", error.what()};
    case ErrorCode::overloaded: return {429, "overloaded", error.what()};
    case ErrorCode::deadline_exceeded: return {408, "deadline_exceeded", error.what()};
    case ErrorCode::out_of_memory: return {503, "out_of_memory", error.what()};
    case ErrorCode::cancelled: return {408, "cancelled", error.what()};
    case ErrorCode::model_changed: return {503, "model_changed", "a file of the model has changed; restart the server"};
    default: return {500, "internal", "the text could not be embedded; the log of the server tells more"};
  }
}

// As OpenAI's clients know them.
const char* type_of(unsigned status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

}  // namespace

Failure to_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    return failure;
  } catch (const Error& known) {
    return to_failure(known);
  } catch (const std::bad_alloc&) {
    return {503, "out_of_memory", "the server is out of memory; send less, or try again later"};
  } catch (...) {
    return {500, "internal", "a defect of the server; its log tells more"};
  }
}

Response to_response(const Failure& failure, ErrorForm form) {
  const std::string message = detail::printable_message(failure.what());
  const JsonFields error = {{"message", message}, {"type", type_of(failure.status())}, {"code", failure.code()}};
  Response response;
  response.status = failure.status();
  response.body =
      form == ErrorForm::with_text ? JsonFields{{"error", message}}.object() : JsonFields{{"error", error}}.object();
  if (failure.status() == 429 || failure.status() == 503) response.headers.emplace_back("Retry-After", "1");
  if (failure.code() == "unsupported_encoding") response.headers.emplace_back("Accept-Encoding", body_codings);
  if (failure.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace bgem3::server
