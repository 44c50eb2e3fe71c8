#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>

#include "bgem3/families/bert.h"

namespace bgem3::test {

/// Small enough to compute in a blink, large enough that heads, layers and positions all matter.
inline ModelConfig tiny_config(const std::string& architecture = "xlm-roberta") {
  ModelConfig config;
  config.architecture = architecture;
  config.hidden_size = 32;
  config.layers = 2;
  config.heads = 4;
  config.intermediate_size = 64;
  config.vocabulary_size = 100;
  config.position_rows = 66;
  config.max_length = 64;
  if (architecture == "mpnet") config.token_types = 0;
  if (architecture == "bert") {
    config.token_types = 2;
    config.first_position = 0;
    config.has_padding_position = false;
  }
  return config;
}

/// Random parameters under transformers' names, each starting with `prefix`.
inline TensorMap tiny_tensors(const ModelConfig& config, const std::string& prefix = "") {
  TensorMap tensors;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    tensors[prefix + name] = at::randn(shape).mul(0.3);
  };
  const auto add_linear = [&](const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto add_norm = [&](const std::string& name) {
    tensors[prefix + name + ".weight"] = at::randn({config.hidden_size}).mul(0.1).add(1);
    add(name + ".bias", {config.hidden_size});
  };
  const int64_t d = config.hidden_size;
  add("embeddings.word_embeddings.weight", {config.vocabulary_size, d});
  add("embeddings.position_embeddings.weight", {config.position_rows, d});
  add("embeddings.token_type_embeddings.weight", {config.token_types, d});
  add_norm("embeddings.LayerNorm");
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string at_layer = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"query", "key", "value"}) add_linear(at_layer + "attention.self." + name, d, d);
    add_linear(at_layer + "attention.output.dense", d, d);
    add_norm(at_layer + "attention.output.LayerNorm");
    add_linear(at_layer + "intermediate.dense", config.intermediate_size, d);
    add_linear(at_layer + "output.dense", d, config.intermediate_size);
    add_norm(at_layer + "output.LayerNorm");
  }
  return tensors;
}

/// Those of MPNet.
inline TensorMap tiny_mpnet_tensors(const ModelConfig& config) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> names{
      {{"attention.self.query", "attention.attn.q"},
       {"attention.self.key", "attention.attn.k"},
       {"attention.self.value", "attention.attn.v"},
       {"attention.output.dense", "attention.attn.o"},
       {"attention.output.LayerNorm", "attention.LayerNorm"}}};
  TensorMap renamed;
  for (auto& [name, tensor] : tiny_tensors(config)) {
    std::string own = name;
    for (const auto& [of_bert, of_mpnet] : names) {
      if (const auto at = own.find(of_bert); at != std::string::npos) own.replace(at, of_bert.size(), of_mpnet);
    }
    renamed[own] = tensor;
  }
  renamed.erase("embeddings.token_type_embeddings.weight");
  renamed["encoder.relative_attention_bias.weight"] = at::randn({32, config.heads});
  return renamed;
}

}  // namespace bgem3::test
