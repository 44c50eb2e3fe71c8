#pragma once

#include <string>

#include "bgem3/config.h"

namespace bgem3::detail {

/// Carries out config.json, that of transformers. `name`: the file, for messages
/// @throws Error bad_model
void apply_transformer_config(const std::string& name, const std::string& text, ModelKind kind, ModelConfig& config);

}  // namespace bgem3::detail
