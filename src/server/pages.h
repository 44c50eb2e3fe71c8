#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/models.h"

namespace bgem3::server {

/// The OpenAPI document, with the limits of this server; and of the model, unless it is not loaded yet: null.
std::string describe_interface(const ServerOptions& options, const Models* models);

/// "/docs", or "/openapi.json", which is `openapi`.
Response page(std::string_view path, const std::string& openapi);

}  // namespace bgem3::server
