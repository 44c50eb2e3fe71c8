#include "server/reload.h"

#include <exception>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "server/log.h"

namespace bgem3::server {
namespace {

using detail::in_quotes;

// A pipe could be read once; and to open it again may take for ever, while no signal is answered.
void expect_file(const std::string& path) {
  std::error_code ignored;  // what is missing is told by whoever reads it
  const auto status = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status)) return;
  throw Error(
      ErrorCode::io_error,
      fmt::format(
          "expected a file that can be read again, found that {} is a directory, a pipe or a device; give a file, or "
          "start the server anew",
          in_quotes(path)));
}

template <typename Read>
void attempt(const char* what, const Read& read) {
  try {
    read();
  } catch (const std::exception& error) {
    log(LogLevel::error, fmt::format("SIGHUP: {} stay what they were", what), {{"error", error.what()}});
  }
}

void reload_keys(const ServerOptions& options, Application& application) {
  expect_file(options.api_keys_file);
  const std::size_t keys = application.reload_keys();
  log(LogLevel::info, "SIGHUP: keys are read again", {{"file", options.api_keys_file}, {"keys", keys}});
}

void reload_tls(const ServerOptions& options, std::span<HttpServer* const> ports) {
  expect_file(options.http.tls_certificate);
  expect_file(options.http.tls_key);
  ports.front()->reload_tls();
  for (auto* port : ports.subspan(1)) port->use_tls_of(*ports.front());  // all of them, or none
  log(LogLevel::info, "SIGHUP: certificate and key are read again",
      {{"certificate", options.http.tls_certificate}, {"key", options.http.tls_key}});
}

}  // namespace

void reload(const ServerOptions& options, Application& application, std::span<HttpServer* const> ports) noexcept try {
  const bool has_keys = !options.api_keys_file.empty();
  const bool has_tls = !options.http.tls_certificate.empty();
  if (has_keys) attempt("keys", [&] { reload_keys(options, application); });
  if (has_tls) attempt("certificate and key", [&] { reload_tls(options, ports); });
  if (!has_keys && !has_tls) {
    log(LogLevel::info, "SIGHUP is ignored: neither --api-keys-file nor --tls-certificate was given");
  }
} catch (...) {  // no memory to tell of it either
}

}  // namespace bgem3::server
