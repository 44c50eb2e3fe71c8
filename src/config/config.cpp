#include "bgem3/config.h"

#include <array>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/adapter.h"
#include "config/base_model.h"
#include "config/model_directory.h"
#include "config/model_files.h"
#include "config/modules.h"
#include "config/sentence_config.h"
#include "config/transformer_config.h"
#include "file/mapped_file.h"
#include "file/open_file.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

constexpr const char* assumed = "assumed";

constexpr std::array<std::pair<Pooling, const char*>, 6> pooling_table = {{
    {Pooling::cls, "cls"},
    {Pooling::max, "max"},
    {Pooling::mean, "mean"},
    {Pooling::mean_sqrt_len, "mean_sqrt_len_tokens"},
    {Pooling::weighted_mean, "weightedmean"},
    {Pooling::last_token, "lasttoken"},
}};

class Directory : public ModelFiles {
 public:
  explicit Directory(fs::path path) : path_(std::move(path)) {}

  [[nodiscard]] std::optional<std::string> text(const std::string& path) const override {
    if (!has(path)) return std::nullopt;
    constexpr std::size_t bytes_max = 16 << 20;  // the largest there are have some hundred kilobytes
    return read_text_file(path_ / path, bytes_max);
  }

  [[nodiscard]] bool has(const std::string& path) const override { return is_there(path_ / path); }

  [[nodiscard]] std::unique_ptr<ModelFiles> open(const std::string& name) const override {
    return std::make_unique<Directory>(find_base_model(path_, name));
  }

  [[nodiscard]] fs::path directory() const override { return path_; }

 private:
  const fs::path path_;
};

// Without modules.json, sentence-transformers passes over all of its files. Where there are some, it is the one that is
// missing.
void refuse_without_modules(const ModelFiles& files) {
  const char* found = detail::find_sentence_file(files);
  if (found == nullptr) return;
  throw Error(ErrorCode::bad_model,
              fmt::format("modules.json is missing, but {} is there; the download may be incomplete. Expected both, or "
                          "none of the files of sentence-transformers",
                          found));
}

// `files`: those that hold `name`, which messages call `place`.
void read_transformer_config(const ModelFiles& files, const std::string& name, const std::string& place, ModelKind kind,
                             ModelConfig& config) {
  const auto text = files.text(name);
  if (!text) throw Error(ErrorCode::bad_model, detail::in_one_line(place) + " is missing");
  detail::apply_transformer_config(place, *text, kind, config);
}

// As in sentence-transformers, the base states the sizes, also where its weights lie beside the adapter.
void read_base(const ModelFiles& files, ModelKind kind, ModelConfig& config) {
  constexpr const char* name = "config.json";
  LoraAdapter& adapter = *config.adapter;
  const auto base = files.open(adapter.base.string());
  adapter.base = base->directory();
  adapter.has_own_weights = files.has(detail::in_encoder_folder(config, name));
  if (base->has("adapter_config.json") && !adapter.has_own_weights) {
    throw Error(ErrorCode::bad_model,
                fmt::format("base_model_name_or_path of adapter_config.json is {}, which is an adapter itself; "
                            "expected a whole model",
                            in_quotes(adapter.base)));
  }
  read_transformer_config(*base, name, detail::config_file(config), kind, config);
}

// Where sentence-transformers does not read one either.
void refuse_adapter(const std::string& file, ModelKind kind, const ModelConfig& config) {
  const char* where = kind == ModelKind::reranker      ? "for cross-encoders"
                      : !config.encoder_folder.empty() ? "in a folder of its own"
                                                       : nullptr;
  if (where == nullptr) return;
  throw Error(ErrorCode::bad_model, fmt::format("{} is there, so this is a PEFT adapter, which is not supported {}; "
                                                "expected the model that it was merged into (merge_and_unload of peft)",
                                                file, where));
}

void read_encoder(const ModelFiles& files, ModelKind kind, ModelConfig& config) {
  const std::string adapter_file = detail::in_encoder_folder(config, "adapter_config.json");
  if (const auto adapter = files.text(adapter_file)) {
    refuse_adapter(adapter_file, kind, config);
    config.adapter = detail::read_adapter(adapter_file, *adapter);
    config.sources["adapter"] = adapter_file + ": base_model_name_or_path";
    read_base(files, kind, config);
  } else {
    const std::string file = detail::config_file(config);
    read_transformer_config(files, file, file, kind, config);
  }
  detail::apply_tokenizer_config(files, config);
}

void refuse_chat_template(const ModelFiles& files, const ModelConfig& config) {
  const auto found = detail::find_chat_template(files, config);
  if (!found) return;
  throw Error(ErrorCode::bad_model,
              fmt::format("{}: sentence-transformers would put each text into this template, which is not supported; "
                          "remove it, if the model was trained on plain texts",
                          *found));
}

void read_modules(const ModelFiles& files, const std::string& text, ModelKind kind, ModelConfig& config) {
  const auto modules = detail::read_modules(text);
  config.encoder_folder = detail::encoder_folder(modules);
  read_encoder(files, kind, config);
  detail::apply_sentence_transformers_config(files, kind, config);
  detail::apply_sentence_config(files, config);
  detail::apply_modules(modules, files, kind, config);
  if (kind == ModelKind::reranker) refuse_chat_template(files, config);
}

// The position table is the hard limit, whatever the files say.
void limit_length(ModelConfig& config) {
  const auto positions = config.positions();
  const bool is_stated = config.sources.contains("max_length");
  if (is_stated && config.max_length <= positions) return;
  config.max_length = positions;
  config.sources["max_length"] = detail::in_one_line(detail::config_file(config)) + ": max_position_embeddings";
}

}  // namespace

std::string to_string(Pooling pooling) {
  for (const auto& [value, name] : pooling_table) {
    if (value == pooling) return name;
  }
  return "unknown";
}

std::string to_string(const std::vector<Pooling>& pooling) {
  std::string names;
  for (const auto mode : pooling) names += (names.empty() ? "" : "+") + to_string(mode);
  return names;
}

std::string to_string(Similarity similarity) {
  switch (similarity) {
    case Similarity::cosine: return "cosine";
    case Similarity::dot: return "dot";
    case Similarity::euclidean: return "euclidean";
    case Similarity::manhattan: return "manhattan";
  }
  return "unknown";
}

std::optional<Pooling> pooling_of_name(std::string_view name) {
  for (const auto& [pooling, known] : pooling_table) {
    if (name == known) return pooling;
  }
  return std::nullopt;
}

std::string Prompts::find(const std::optional<std::string>& prompt, const std::optional<std::string>& name) const {
  if (prompt && name) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("prompt and prompt_name exclude each other; found both, the name is {}", in_quotes(*name)));
  }
  if (prompt) return *prompt;
  const auto& wanted = name ? name : default_name;
  if (!wanted) return {};
  if (const auto found = by_name.find(*wanted); found != by_name.end()) return found->second;
  if (*wanted == "query" || *wanted == "document") return {};
  detail::ShortList names;
  for (const auto& [known, text] : by_name) names.add(detail::in_one_line(known));
  throw Error(ErrorCode::invalid_argument,
              fmt::format("prompt_name should be one of: {}; found {}",
                          names.count() == 0 ? "query, document" : names.text(), in_quotes(*wanted)));
}

std::string pooling_names() {
  std::string names;
  for (const auto& [pooling, name] : pooling_table) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

void assume_pooling(ModelConfig& config, bool has_heads) {
  config.pooling = {has_heads ? Pooling::cls : Pooling::mean};
  config.normalize = has_heads;
  for (const char* property : {"pooling", "normalize"}) config.sources[property] = assumed;
}

bool has_assumed_pooling(const ModelConfig& config) {
  const auto found = config.sources.find("pooling");
  return found != config.sources.end() && found->second == assumed;
}

ModelConfig parse_model_config(const ModelFiles& files, ModelKind kind) {
  ModelConfig config;
  if (const auto modules = files.text("modules.json")) {
    read_modules(files, *modules, kind, config);
  } else {
    refuse_without_modules(files);
    read_encoder(files, kind, config);
    refuse_chat_template(files, config);
    assume_pooling(config, files.has("sparse_linear.pt") && files.has("colbert_linear.pt"));
  }
  limit_length(config);
  for (const char* property : {"activation", "similarity"}) {
    config.sources.emplace(property, assumed);
  }
  return config;
}

ModelConfig read_model_config(const fs::path& path, ModelKind kind) {
  const fs::path directory = find_model_directory(path);
  try {
    return parse_model_config(Directory(directory), kind);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("model directory {}: {}", in_quotes(directory), error.what()));
  }
}

}  // namespace bgem3
