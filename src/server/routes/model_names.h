#pragma once

#include <string>
#include <vector>

#include "server/models.h"

namespace bgem3::server {

/// The names of the models that are served: the embedder's first.
std::vector<std::string> model_names(const Models& models);

/// `name` if it is one of them.
/// @throws Failure 404 that lists them
std::string find_model(const Models& models, const std::string& name);

}  // namespace bgem3::server
