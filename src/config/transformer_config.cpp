#include "config/transformer_config.h"

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/irrelevant_keys.h"
#include "config/json_object.h"
#include "config/modules.h"

namespace bgem3::detail {
namespace {

Architecture read_architecture(const JsonObject& file) {
  const auto type = file.get<std::string>("model_type");
  if (!type) throw file.bad("has no 'model_type'; expected 'xlm-roberta' or 'bert'");
  if (*type == "xlm-roberta") return Architecture::xlm_roberta;
  if (*type == "bert") return Architecture::bert;
  throw file.bad(fmt::format("model_type {} is not supported; expected 'xlm-roberta' or 'bert'", in_quotes(*type)));
}

// What the encoder does not compute is refused here: a wrong activation would give plausible, wrong vectors.
void refuse_unsupported(const JsonObject& file) {
  const auto activation = file.get<std::string>("hidden_act").value_or("gelu");
  if (activation != "gelu") {
    throw file.bad(
        fmt::format("hidden_act {} is not supported; expected 'gelu' (the erf form)", in_quotes(activation)));
  }
  file.expect("position_embedding_type", "absolute");
  file.expect_or_null("is_decoder", false);
  file.expect_or_null("add_cross_attention", false);
  file.expect_or_null("pruned_heads", nlohmann::json::object());
  const auto architectures = file.value("architectures");
  if (architectures.is_array() && !architectures.empty() && architectures[0].is_string() &&
      architectures[0].get_ref<const std::string&>().ends_with("ForCausalLM")) {
    throw file.bad(fmt::format("'architectures': {} generates text, which is not supported; expected an encoder",
                               JsonObject::brief(architectures[0])));
  }
}

// Where CrossEncoder of sentence-transformers keeps the activation, today and before its version 4.
void read_activation(const JsonObject& file, ModelConfig& config) {
  constexpr const char* old_key = "sbert_ce_default_activation_function";
  const JsonObject entry = file.object("sentence_transformers");
  const auto path = entry.get_or_null<std::string>("activation_fn");
  entry.refuse_others(irrelevant_keys::config_sentence_transformers_entry);
  const auto old_path = file.get_or_null<std::string>(old_key);
  if (!path && (!old_path || entry.has("activation_fn"))) return;
  const std::string place = path ? entry.place("activation_fn") : file.place(old_key);
  config.activation = activation_class(path ? *path : *old_path, place);
  config.sources["activation"] = place;
}

void read_sizes(const JsonObject& file, ModelConfig& config) {
  const auto required = [&](const char* key) {
    if (!file.has(key)) throw file.bad(fmt::format("has no '{}'", key));
    return file.integer(key, 0, 1);
  };
  const auto sourced = [&](const char* property, const char* key) {
    config.sources[property] = file.place(key);
    return required(key);
  };
  const bool is_bert = config.architecture == Architecture::bert;
  config.hidden_size = sourced("hidden_size", "hidden_size");
  config.layers = sourced("layers", "num_hidden_layers");
  config.heads = sourced("heads", "num_attention_heads");
  config.intermediate_size = sourced("intermediate_size", "intermediate_size");
  config.vocabulary_size = sourced("vocabulary_size", "vocab_size");
  config.position_rows = required("max_position_embeddings");
  config.token_types = file.integer("type_vocab_size", 2, 1);
  config.padding_id = file.integer("pad_token_id", is_bert ? 0 : 1, 0);
  config.layer_norm_eps = file.get<double>("layer_norm_eps").value_or(1e-12);
}

void check_sizes(const JsonObject& file, const ModelConfig& config) {
  if (config.hidden_size % config.heads != 0) {
    throw file.bad(
        fmt::format("hidden_size {} is not a multiple of num_attention_heads {}", config.hidden_size, config.heads));
  }
  if (!(config.layer_norm_eps > 0 && config.layer_norm_eps < 1)) {
    throw file.bad(fmt::format("layer_norm_eps should lie between 0 and 1, found {}", config.layer_norm_eps));
  }
  if (config.position_rows - config.first_position() < 2) {
    throw file.bad(
        fmt::format("max_position_embeddings {} leaves no room for a text of 2 tokens", config.position_rows));
  }
}

}  // namespace

void apply_transformer_config(const std::string& name, const std::string& text, ModelConfig& config) {
  const JsonObject file(name, text);
  config.architecture = read_architecture(file);
  refuse_unsupported(file);
  read_sizes(file, config);
  check_sizes(file, config);
  read_activation(file, config);
  file.refuse_others(irrelevant_keys::config);
  config.sources["architecture"] = file.place("model_type");
}

}  // namespace bgem3::detail
