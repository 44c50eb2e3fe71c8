#include "families/bert_keys.h"

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "families/registry.h"

// The files `config.json` of the families of include/bgem3/families/bert.h, which differ in where positions begin.

namespace bgem3 {
namespace {

void read_sizes(const ConfigFile& file, const BertKeys& keys, ModelConfig& config) {
  const auto sourced = [&](const char* property, const char* key) {
    config.sources[property] = file.place(key);
    return file.required_integer(key, 1);
  };
  config.hidden_size = sourced("hidden_size", keys.hidden_size);
  config.layers = sourced("layers", keys.layers);
  config.heads = sourced("heads", keys.heads);
  config.intermediate_size = sourced("intermediate_size", keys.intermediate_size);
  config.vocabulary_size = sourced("vocabulary_size", "vocab_size");
  config.position_rows = file.required_integer("max_position_embeddings", 1);
  config.token_types = file.integer("type_vocab_size", 2, 1);
  config.layer_norm_eps = file.number("layer_norm_eps", 1e-12);
}

}  // namespace

void read_encoder(const ConfigFile& file, ModelConfig& config, const BertKeys& keys) {
  const std::string activation = file.text(keys.activation, "gelu");
  if (activation != "gelu") {
    throw file.bad(fmt::format("{} {} is not supported; expected 'gelu' (the erf form)", keys.activation,
                               detail::in_quotes(activation)));
  }
  file.expect("position_embedding_type", "absolute");
  read_sizes(file, keys, config);
}

void read_bert(const ConfigFile& file, ModelConfig& config) {
  read_encoder(file, config);
  config.padding_id = file.integer("pad_token_id", 0, 0);
  config.first_position = 0;
  config.has_padding_position = false;
}

void read_xlm_roberta(const ConfigFile& file, ModelConfig& config) {
  read_encoder(file, config);
  config.padding_id = file.integer("pad_token_id", 1, 0);
  config.first_position = config.padding_id + 1;
  config.has_padding_position = true;
}

}  // namespace bgem3
