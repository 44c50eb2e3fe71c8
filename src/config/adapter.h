#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bgem3/config.h"

namespace bgem3::detail {

/// Reads adapter_config.json of peft. `name`: the file, for messages. LoraAdapter::base is as written.
/// @throws Error bad_model for anything but LoRA on linear layers
LoraAdapter read_adapter(const std::string& name, const std::string& text);

/// Whether the adapter changes the linear layer `module`, such as "encoder.layer.0.attention.self.query".
bool is_targeted(const LoraAdapter& adapter, std::string_view module);

/// The adapter adds `scale` · B A to the weight of a layer, where `rank` is the number of rows of A.
struct LoraTerm {
  std::int64_t rank = 0;
  double scale = 0;
};

/// @throws Error bad_model where rank_pattern or alpha_pattern says two things of `module`
LoraTerm lora_term(const LoraAdapter& adapter, std::string_view module);

}  // namespace bgem3::detail
