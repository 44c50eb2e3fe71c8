#pragma once

#include <string>

#include "server/models.h"
#include "server/router.h"

namespace bgem3::server {

/// The OpenAPI document of the routes, with the limits of this server; and of the model, unless it is not loaded yet:
/// null.
std::string describe_interface(const ServerOptions& options, const Router& router, const Models* models);

}  // namespace bgem3::server
