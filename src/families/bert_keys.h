#pragma once

#include "bgem3/families/config_file.h"

namespace bgem3 {

struct ModelConfig;

/// What a family calls the sizes of BERT's encoder in its config.json, and the activation.
struct BertKeys {
  const char* hidden_size = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate_size = "intermediate_size";
  const char* activation = "hidden_act";
};

/// Reads all but the positions.
/// @throws Error bad_model
void read_encoder(const ConfigFile& file, ModelConfig& config, const BertKeys& keys = {});

}  // namespace bgem3
