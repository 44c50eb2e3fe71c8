#pragma once

#include <span>

#include "server/application.h"
#include "server/http/http_server.h"

namespace bgem3::server {

/// Reads the files of keys and of TLS again, for what comes from now on. Each of the two by itself: what cannot be used
/// is told by the log, and the former stays. Any thread.
void reload(const ServerOptions& options, Application& application, std::span<HttpServer* const> ports) noexcept;

}  // namespace bgem3::server
