#include "config/sentence_config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/irrelevant_keys.h"
#include "config/json_object.h"
#include "config/modules.h"

namespace bgem3::detail {
namespace {

constexpr std::size_t prompts_max = 10'000;

// The first that is there and says something counts, as in sentence-transformers.
constexpr std::array<const char*, 7> sentence_files = {
    "sentence_bert_config.json",      "sentence_roberta_config.json", "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_albert_config.json",  "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
};

void set_max_length(ModelConfig& config, std::int64_t length, std::string source) {
  config.max_length = length;
  config.sources["max_length"] = std::move(source);
}

// Tokenizers without a limit say 1e30.
std::optional<std::int64_t> read_length(const JsonObject& object, const char* key) {
  const auto value = object.get_or_null<double>(key);
  if (!value) return std::nullopt;
  if (!(*value >= 2)) throw object.bad(fmt::format("'{}' should be at least 2 tokens, found {}", key, *value));
  return *value >= INT32_MAX ? INT32_MAX : static_cast<std::int64_t>(*value);
}

// The arguments of one call, which older files name otherwise.
JsonObject arguments_of(const JsonObject& file, const char* old_key, const char* new_key) {
  if (file.has(old_key) && file.has(new_key)) {
    throw file.bad(fmt::format("has both '{}' and '{}'; expected one of them", old_key, new_key));
  }
  return file.object(file.has(old_key) ? old_key : new_key);
}

void apply_tokenizer_arguments(const JsonObject& arguments, ModelConfig& config) {
  // None is no limit here, whatever the tokenizer's own file says.
  if (arguments.has("model_max_length")) {
    const auto length = read_length(arguments, "model_max_length").value_or(INT32_MAX);
    set_max_length(config, length, arguments.place("model_max_length"));
  }
  if (const auto left = arguments.truncate_left()) {
    config.truncate_left = left;
    config.sources["truncation_side"] = arguments.place("truncation_side");
  }
  arguments.refuse_other_arguments(irrelevant_keys::tokenizer_arguments);
}

// How the tokenizer is called for each text.
void apply_processing(const JsonObject& arguments, ModelConfig& config) {
  if (const auto length = read_length(arguments, "max_length")) {
    set_max_length(config, *length, arguments.place("max_length"));
  }
  arguments.expect("add_special_tokens", true);
  arguments.expect("return_attention_mask", true);
  arguments.expect_or_null("return_token_type_ids", false);
  if (arguments.value("truncation") != "longest_first") arguments.expect("truncation", true);
  arguments.refuse_other_arguments(irrelevant_keys::processing_arguments);
}

// The hidden states of all tokens, of texts: what every model had before there were other kinds.
void check_task(const JsonObject& file) {
  const bool is_reranker = file.value("transformer_task") == "sequence-classification";
  file.expect("transformer_task", is_reranker ? "sequence-classification" : "feature-extraction");
  file.expect("module_output_name", is_reranker ? "scores" : "token_embeddings");
  const JsonObject modalities = file.object("modality_config");
  const JsonObject text = modalities.object("text");
  text.expect("method", "forward");
  text.expect("method_output_name", is_reranker ? "logits" : "last_hidden_state");
  text.refuse_others(std::array<std::string_view, 0>{});
  modalities.refuse_others(irrelevant_keys::modalities);
  for (const char* key : {"query_length", "document_length", "query_expansion"}) file.expect(key, nullptr);
}

void apply_sentence_file(const JsonObject& file, ModelConfig& config) {
  if (const auto length = read_length(file, "max_seq_length")) {
    set_max_length(config, *length, file.place("max_seq_length"));
  }
  config.lowercase = file.get_or_null<bool>("do_lower_case").value_or(false);
  if (config.lowercase) config.sources["do_lower_case"] = file.place("do_lower_case");
  check_task(file);
  apply_tokenizer_arguments(arguments_of(file, "tokenizer_args", "processor_kwargs"), config);
  const JsonObject model_arguments = arguments_of(file, "model_args", "model_kwargs");
  model_arguments.expect_or_null("use_safetensors", true);
  model_arguments.refuse_other_arguments(irrelevant_keys::model_arguments);
  arguments_of(file, "config_args", "config_kwargs").refuse_other_arguments(irrelevant_keys::config_arguments);
  const JsonObject processing = file.object("processing_kwargs");
  apply_processing(processing.object("text"), config);
  apply_processing(processing.object("common"), config);
  processing.refuse_others(irrelevant_keys::modalities);
  file.refuse_others(irrelevant_keys::sentence_bert);
}

Similarity read_similarity(const JsonObject& file, const std::string& name) {
  for (const Similarity similarity :
       {Similarity::cosine, Similarity::dot, Similarity::euclidean, Similarity::manhattan}) {
    if (name == to_string(similarity)) return similarity;
  }
  throw file.bad(fmt::format("'similarity_fn_name' {} is not supported; expected cosine, dot, euclidean or manhattan",
                             in_quotes(name)));
}

void read_prompts(const JsonObject& file, ModelConfig& config) {
  const auto prompts = file.value("prompts");
  if (!prompts.is_null() && !prompts.is_object()) throw file.bad("'prompts' should be an object of texts by name");
  if (prompts.size() > prompts_max) throw file.bad(fmt::format("'prompts' has more than {}", prompts_max));
  for (const auto& [name, text] : prompts.items()) {
    if (text.is_null()) continue;
    if (!text.is_string()) throw file.bad(fmt::format("prompt {} should be a text", in_quotes(name)));
    config.prompts.by_name[name] = text.get<std::string>();
    config.sources["prompts"] = file.place("prompts");
  }
  config.prompts.default_name = file.get_or_null<std::string>("default_prompt_name");
  if (!config.prompts.default_name) return;
  config.sources["default_prompt_name"] = file.place("default_prompt_name");
  try {
    (void)config.prompts.find(std::nullopt, std::nullopt);
  } catch (const Error&) {
    throw file.bad(fmt::format("'default_prompt_name' is {}, which is none of the prompts",
                               in_quotes(*config.prompts.default_name)));
  }
}

void check_kind(const JsonObject& file, ModelKind kind) {
  const auto type = file.get<std::string>("model_type").value_or("SentenceTransformer");
  if (kind == ModelKind::reranker && type == "CrossEncoder") return;
  if (kind == ModelKind::embedder && type == "SentenceTransformer") return;
  if (type == "CrossEncoder") {
    throw file.bad(
        "'model_type' is 'CrossEncoder', a model that judges pairs; open it by Reranker, FlagReranker or CrossEncoder");
  }
  if (type == "SentenceTransformer") {
    throw file.bad(
        "'model_type' is 'SentenceTransformer', a model that embeds texts; open it by Embedder, EmbeddingModel or "
        "BGEM3FlagModel");
  }
  throw file.bad(
      fmt::format("'model_type' {} is not supported; expected SentenceTransformer or CrossEncoder", in_quotes(type)));
}

// A cross-encoder's, of sentence-transformers 6.
void read_activation(const JsonObject& file, ModelConfig& config) {
  const auto path = file.get_or_null<std::string>("activation_fn");
  file.expect_or_null("keep_in_fp32_modules", nlohmann::json::array());
  if (!path) return;
  config.activation = activation_class(*path, file.place("activation_fn"));
  config.sources["activation"] = file.place("activation_fn");
}

}  // namespace

std::string in_encoder_folder(const ModelConfig& config, const char* name) {
  return (std::filesystem::path(config.encoder_folder) / name).string();
}

std::string config_file(const ModelConfig& config) {
  constexpr const char* name = "config.json";
  return config.adapter ? (config.adapter->base / name).string() : in_encoder_folder(config, name);
}

void apply_tokenizer_config(const ModelFiles& files, ModelConfig& config) {
  const std::string tokenizer_file = in_encoder_folder(config, "tokenizer_config.json");
  if (const auto text = files.text(tokenizer_file)) {
    const JsonObject file(tokenizer_file, *text);
    // The second is an older name, for files that lack the first.
    const char* key = file.has("model_max_length") ? "model_max_length" : "max_len";
    if (const auto length = read_length(file, key)) set_max_length(config, *length, file.place(key));
  }
}

std::optional<std::string> find_chat_template(const ModelFiles& files, const ModelConfig& config) {
  for (const char* name : {"chat_template.jinja", "additional_chat_templates"}) {
    std::string file = in_encoder_folder(config, name);
    if (files.has(file)) return file;
  }
  const std::string file = in_encoder_folder(config, "tokenizer_config.json");
  const auto text = files.text(file);
  const bool has_template = text && !JsonObject(file, *text).value("chat_template").is_null();
  return has_template ? std::optional(file + ": chat_template") : std::nullopt;
}

const char* find_sentence_file(const ModelFiles& files) {
  constexpr const char* others[] = {"config_sentence_transformers.json", "1_Pooling/config.json"};
  const auto is_there = [&](const char* name) { return files.has(name); };
  if (const auto found = std::ranges::find_if(others, is_there); found != std::end(others)) return *found;
  const auto found = std::ranges::find_if(sentence_files, is_there);
  return found == sentence_files.end() ? nullptr : *found;
}

void apply_sentence_config(const ModelFiles& files, ModelConfig& config) {
  for (const char* name : sentence_files) {
    const std::string file = in_encoder_folder(config, name);
    const auto text = files.text(file);
    if (!text) continue;
    auto json = parse_file(file, *text);
    if (json.is_object() && json.empty()) continue;
    apply_sentence_file({file, std::move(json)}, config);
    return;
  }
}

void apply_sentence_transformers_config(const ModelFiles& files, ModelKind kind, ModelConfig& config) {
  constexpr const char* name = "config_sentence_transformers.json";
  const auto text = files.text(name);
  if (!text) return;
  const JsonObject file(name, *text);
  check_kind(file, kind);
  read_prompts(file, config);
  // sentence-transformers would put it before the first text of each pair.
  if (kind == ModelKind::reranker && !config.prompts.find(std::nullopt, std::nullopt).empty()) {
    throw file.bad("'default_prompt_name' is not supported for a cross-encoder; expected none, or an empty prompt");
  }
  read_activation(file, config);
  if (const auto similarity = file.get_or_null<std::string>("similarity_fn_name")) {
    config.similarity = read_similarity(file, *similarity);
    config.sources["similarity"] = file.place("similarity_fn_name");
  }
  if (!file.value("truncate_dim").is_null()) config.truncate_dim = file.integer("truncate_dim", 0, 1);
  if (config.truncate_dim > 0) config.sources["truncate_dim"] = file.place("truncate_dim");
  file.refuse_others(irrelevant_keys::sentence_transformers);
}

}  // namespace bgem3::detail
