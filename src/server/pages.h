#pragma once

#include <string>
#include <string_view>

#include "server/http/message.h"

namespace bgem3::server {

/// "/docs", or "/openapi.json", which is `openapi`.
Response page(std::string_view path, const std::string& openapi);

}  // namespace bgem3::server
