#include "config/transformer_config.h"

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/irrelevant_keys.h"
#include "config/json_object.h"
#include "config/modules.h"
#include "families/registry.h"

namespace bgem3::detail {
namespace {

// The class of transformers that the weights were saved from; empty where the file does not say so.
std::string model_class(const JsonObject& file) {
  const auto architectures = file.value("architectures");
  const bool has_one = architectures.is_array() && !architectures.empty() && architectures[0].is_string();
  return has_one ? architectures[0].get<std::string>() : "";
}

// What no encoder here computes: it would give plausible, wrong vectors.
void refuse_unsupported(const JsonObject& file) {
  file.expect_or_null("is_decoder", false);
  file.expect_or_null("add_cross_attention", false);
  file.expect_or_null("pruned_heads", nlohmann::json::object());
  if (const std::string name = model_class(file); name.ends_with("ForCausalLM")) {
    throw file.bad(fmt::format("'architectures': {} generates text, which is not supported; expected an encoder",
                               JsonObject::brief(name)));
  }
}

// transformers counts the names of the labels, where they are there. Which score of several would be the relevance, no
// file says.
void expect_one_label(const JsonObject& file) {
  const char* key = file.value("id2label").is_object() ? "id2label" : "num_labels";
  const auto value = file.value(key);
  if (value.is_null() || (value.is_object() && value.size() == 1) || value == 1) return;
  throw file.bad(
      fmt::format("'{}' is {}; expected one label: a cross-encoder gives one score for each pair; take "
                  "transformers for a classifier",
                  key, JsonObject::brief(value)));
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

// The defaults are those of one model. What a family has to say and does not must not become that.
void forget_encoder(ModelConfig& config) {
  config.hidden_size = config.layers = config.heads = config.vocabulary_size = config.position_rows = -1;
  config.intermediate_size = -1;
  config.token_types = config.padding_id = config.first_position = 0;
  config.layer_norm_eps = -1;
  config.has_padding_position = false;
}

void check_sizes(const JsonObject& file, const ModelConfig& config) {
  struct Size {
    const char* name;
    std::int64_t value, least;
  };
  for (const auto& [name, value, least] : {Size{"hidden_size", config.hidden_size, 1},
                                           {"layers", config.layers, 0},
                                           {"heads", config.heads, 1},
                                           {"intermediate_size", config.intermediate_size, 0},
                                           {"vocabulary_size", config.vocabulary_size, 1},
                                           {"position_rows", config.position_rows, 1}}) {
    if (value >= least) continue;
    throw file.bad(fmt::format("model_type {}: its family should have read {} of at least {}, found {}",
                               in_quotes(config.architecture), name, least, value));
  }
  if (config.hidden_size % config.heads != 0) {
    throw file.bad(
        fmt::format("hidden_size {} is not a multiple of num_attention_heads {}", config.hidden_size, config.heads));
  }
  if (!(config.layer_norm_eps > 0 && config.layer_norm_eps < 1)) {
    throw file.bad(fmt::format("layer_norm_eps should lie between 0 and 1, found {}", config.layer_norm_eps));
  }
  if (config.positions() < 2) {
    throw file.bad(
        fmt::format("max_position_embeddings {} leaves no room for a text of 2 tokens", config.position_rows));
  }
}

}  // namespace

void apply_transformer_config(const std::string& name, const std::string& text, ModelKind kind, ModelConfig& config) {
  const JsonObject file(name, text);
  const auto model_type = file.get<std::string>("model_type");
  if (!model_type) throw file.bad("has no 'model_type'; expected " + known_families());
  const auto read = find_read(*model_type);
  if (read == nullptr) {
    throw file.bad(
        fmt::format("model_type {} is not supported; expected {}", in_quotes(*model_type), known_families()));
  }
  config.architecture = *model_type;
  config.sources["architecture"] = file.place("model_type");
  refuse_unsupported(file);
  if (kind == ModelKind::reranker) expect_one_label(file);
  config.model_class = model_class(file);
  forget_encoder(config);
  const ConfigFile of_family(file);
  read(of_family, config);
  check_sizes(file, config);
  read_activation(file, config);
  of_family.refuse_others();
  file.refuse_others(irrelevant_keys::config);
}

}  // namespace bgem3::detail
