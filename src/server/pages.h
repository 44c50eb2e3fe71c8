#pragma once

#include <string_view>

#include "server/http/message.h"
#include "server/models.h"

namespace bgem3::server {

/// "/docs", or "/openapi.json" with the limits of this server; those of the model once it is loaded.
Response page(std::string_view path, const ServerOptions& options, const Models* models);

}  // namespace bgem3::server
