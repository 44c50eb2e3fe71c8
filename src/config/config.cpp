#include "bgem3/config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "config/config_files.h"
#include "config/json_object.h"
#include "file/mapped_file.h"

namespace bgem3 {
namespace {

using detail::JsonFile;

Architecture read_architecture(const JsonFile& file) {
  const auto type = file.get<std::string>("model_type");
  if (!type) throw file.bad("has no 'model_type'; expected 'xlm-roberta' or 'bert'");
  if (*type == "xlm-roberta") return Architecture::xlm_roberta;
  if (*type == "bert") return Architecture::bert;
  throw file.bad(fmt::format("model_type '{}' is not supported; expected 'xlm-roberta' or 'bert'", *type));
}

// What the encoder does not compute is refused here: a wrong activation would give plausible, wrong vectors.
void refuse_unsupported(const JsonFile& file) {
  const auto activation = file.get<std::string>("hidden_act").value_or("gelu");
  if (activation != "gelu") {
    throw file.bad(fmt::format("hidden_act '{}' is not supported; expected 'gelu' (the erf form)", activation));
  }
  const auto positions = file.get<std::string>("position_embedding_type").value_or("absolute");
  if (positions != "absolute") {
    throw file.bad(fmt::format("position_embedding_type '{}' is not supported; expected 'absolute'", positions));
  }
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    if (file.get<bool>(key).value_or(false)) throw file.bad(fmt::format("'{}' is not supported", key));
  }
}

void read_transformer(const std::string& text, ModelConfig& config) {
  const JsonFile file("config.json", text);
  if (!file.json().is_object()) throw file.bad("should be a JSON object");
  config.architecture = read_architecture(file);
  refuse_unsupported(file);

  const auto required = [&](const char* key) {
    if (!file.get<std::int64_t>(key)) throw file.bad(fmt::format("has no '{}'", key));
    return file.integer(key, 0, 1);
  };
  config.hidden_size = required("hidden_size");
  config.layers = required("num_hidden_layers");
  config.heads = required("num_attention_heads");
  config.intermediate_size = required("intermediate_size");
  config.vocabulary_size = required("vocab_size");
  config.position_rows = required("max_position_embeddings");
  config.token_types = file.integer("type_vocab_size", config.architecture == Architecture::bert ? 2 : 1, 1);
  config.padding_id = file.integer("pad_token_id", config.architecture == Architecture::bert ? 0 : 1, 0);
  config.layer_norm_eps = file.get<double>("layer_norm_eps").value_or(1e-12);

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

// "sentence_transformers.models.Pooling" and every later spelling of the path end in the same name.
std::string_view module_kind(std::string_view type) { return type.substr(type.rfind('.') + 1); }

struct Modules {
  std::string pooling_path = "1_Pooling";
  bool normalize = false;
};

Modules read_modules(const std::string& text) {
  const JsonFile file("modules.json", text);
  if (!file.json().is_array()) throw file.bad("should be a JSON array of modules");
  Modules modules;
  for (const auto& entry : file.json()) {
    const bool well_formed = entry.is_object() && entry.value("type", nlohmann::json()).is_string() &&
                             entry.value("path", nlohmann::json()).is_string();
    if (!well_formed) throw file.bad("each module should be an object with the strings 'type' and 'path'");
    const auto type = entry["type"].get<std::string>();
    const auto path = entry["path"].get<std::string>();
    const auto kind = module_kind(type);
    if (kind == "Transformer") {
      if (!path.empty()) {
        throw file.bad(
            fmt::format("the Transformer module lies in '{}'; expected it in the model directory itself", path));
      }
    } else if (kind == "Pooling") {
      const std::filesystem::path parts = path;
      if (parts.is_absolute() || std::find(parts.begin(), parts.end(), "..") != parts.end()) {
        throw file.bad(fmt::format("the Pooling module lies in '{}'; expected a folder of the model directory", path));
      }
      modules.pooling_path = path;
    } else if (kind == "Normalize") {
      modules.normalize = true;
    } else {
      throw file.bad(fmt::format("module '{}' is not supported; expected Transformer, Pooling, Normalize", type));
    }
  }
  return modules;
}

// Older files hold one flag for each mode, newer ones the name of the mode.
Pooling read_pooling(const std::string& text) {
  const JsonFile file("pooling config.json", text);
  if (!file.json().is_object()) throw file.bad("should be a JSON object");
  if (!file.get<bool>("include_prompt").value_or(true)) {
    throw file.bad("include_prompt false (pooling without the prompt's tokens) is not supported");
  }
  std::string mode;
  if (const auto& named = file.json().find("pooling_mode"); named != file.json().end()) {
    mode = file.get<std::string>("pooling_mode").value_or("");
  } else {
    static constexpr std::array<std::pair<const char*, const char*>, 6> flags = {{
        {"pooling_mode_cls_token", "cls"},
        {"pooling_mode_mean_tokens", "mean"},
        {"pooling_mode_max_tokens", "max"},
        {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"},
        {"pooling_mode_weightedmean_tokens", "weightedmean"},
        {"pooling_mode_lasttoken", "lasttoken"},
    }};
    for (const auto& [key, name] : flags) {
      if (!file.get<bool>(key).value_or(false)) continue;
      if (!mode.empty()) mode += '+';
      mode += name;
    }
  }
  if (mode == "cls") return Pooling::cls;
  if (mode == "mean") return Pooling::mean;
  throw file.bad(fmt::format("pooling '{}' is not supported; expected 'cls' or 'mean'", mode));
}

void read_sentence_bert(const std::string& text, ModelConfig& config) {
  const JsonFile file("sentence_bert_config.json", text);
  if (!file.json().is_object()) throw file.bad("should be a JSON object");
  config.max_length = file.integer("max_seq_length", config.max_length, 2);
  if (file.get<bool>("do_lower_case").value_or(false)) {
    throw file.bad("do_lower_case is not supported by this vocabulary");
  }
}

}  // namespace

std::string to_string(Architecture architecture) {
  return architecture == Architecture::xlm_roberta ? "xlm-roberta" : "bert";
}

std::string to_string(Pooling pooling) { return pooling == Pooling::cls ? "cls" : "mean"; }

std::string pooling_directory(const std::optional<std::string>& modules) {
  return modules ? read_modules(*modules).pooling_path : Modules{}.pooling_path;
}

ModelConfig parse_model_config(const ConfigFiles& files) {
  ModelConfig config;
  read_transformer(files.config, config);
  if (files.modules) config.normalize = read_modules(*files.modules).normalize;
  if (files.pooling) config.pooling = read_pooling(*files.pooling);
  if (files.sentence_bert) read_sentence_bert(*files.sentence_bert, config);
  // The position table is the hard limit, whatever the other files say.
  config.max_length = std::min(config.max_length, config.position_rows - config.first_position());
  return config;
}

ModelConfig read_model_config(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  if (std::error_code ignored; !fs::is_directory(directory, ignored)) {
    throw Error(
        ErrorCode::bad_model,
        fmt::format("'{}' is not a directory; expected a model directory with config.json", directory.string()));
  }
  const auto optional_text = [&](const fs::path& name) -> std::optional<std::string> {
    const fs::path file = directory / name;
    if (!fs::exists(file)) return std::nullopt;
    constexpr std::size_t bytes_max = 16 << 20;  // the largest there are have some hundred kilobytes
    return read_text_file(file, bytes_max);
  };
  try {
    ConfigFiles files;
    auto config = optional_text("config.json");
    if (!config) throw Error(ErrorCode::bad_model, "config.json is missing");
    files.config = std::move(*config);
    files.modules = optional_text("modules.json");
    files.pooling = optional_text(fs::path(pooling_directory(files.modules)) / "config.json");
    files.sentence_bert = optional_text("sentence_bert_config.json");
    return parse_model_config(files);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("model directory '{}': {}", directory.string(), error.what()));
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io_error,
                fmt::format("model directory '{}' cannot be read: {}", directory.string(), error.code().message()));
  }
}

}  // namespace bgem3
