#include "config/modules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/irrelevant_keys.h"
#include "config/json_object.h"

namespace bgem3::detail {
namespace {

constexpr const char* modules_file = "modules.json";
constexpr std::size_t modules_max = 64;

// "sentence_transformers.models.Pooling" and every later spelling of the path end in the same name.
std::string class_of(const std::string& path) { return path.substr(path.rfind('.') + 1); }

std::string config_of(const std::string& folder) { return (std::filesystem::path(folder) / "config.json").string(); }

void check_folder(const JsonObject& entry, const std::string& folder) {
  const std::filesystem::path parts = folder;
  const bool is_whole = folder.find('\0') == std::string::npos;  // where the system would end it
  if (!is_whole || parts.is_absolute() || std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    throw entry.bad(fmt::format("'path' is {}; expected a folder of the model directory", in_quotes(folder)));
  }
}

// Classes of other packages may have the name of one of these, and do something else.
void check_package(const JsonObject& entry, const std::string& type) {
  if (type.find('.') == std::string::npos || type.starts_with("sentence_transformers.")) return;
  throw entry.bad(
      fmt::format("module {} is code that comes with a model, which is never run; expected a module of "
                  "sentence_transformers",
                  in_quotes(type)));
}

Module read_module(const JsonObject& entry) {
  const auto type = entry.get<std::string>("type");
  const auto folder = entry.get<std::string>("path");
  if (!type || !folder) throw entry.bad("expected the strings 'type' and 'path'");
  (void)entry.get<std::string>("name");
  entry.refuse_others(irrelevant_keys::module);
  check_package(entry, *type);
  check_folder(entry, *folder);
  return {class_of(*type), *folder};
}

// One flag for each mode, as older files have it, in the order in which the vectors are concatenated.
constexpr std::array<std::pair<const char*, Pooling>, 6> pooling_flags = {{
    {"pooling_mode_cls_token", Pooling::cls},
    {"pooling_mode_max_tokens", Pooling::max},
    {"pooling_mode_mean_tokens", Pooling::mean},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::mean_sqrt_len},
    {"pooling_mode_weightedmean_tokens", Pooling::weighted_mean},
    {"pooling_mode_lasttoken", Pooling::last_token},
}};

Pooling read_mode(const JsonObject& file, const nlohmann::json& name) {
  const auto mode = name.is_string() ? pooling_of_name(name.get<std::string>()) : std::nullopt;
  if (mode) return *mode;
  throw file.bad(fmt::format("'pooling_mode': {} is not supported; expected one of {}, or a list of them",
                             JsonObject::brief(name), pooling_names()));
}

std::vector<Pooling> read_modes(const JsonObject& file) {
  std::vector<Pooling> modes;
  const auto named = file.value("pooling_mode");
  if (named.is_array()) {
    for (const auto& name : named) modes.push_back(read_mode(file, name));
  } else if (!named.is_null()) {
    modes.push_back(read_mode(file, named));
  }
  for (const auto& [key, mode] : pooling_flags) {
    if (file.get_or_null<bool>(key).value_or(false) && named.is_null()) modes.push_back(mode);
  }
  constexpr std::size_t modes_max = 16;
  if (modes.size() > modes_max) throw file.bad(fmt::format("'pooling_mode' has more than {} modes", modes_max));
  return modes;
}

class Assembly {
 public:
  Assembly(const ModelFiles& files, ModelConfig& config) : files_(files), config_(config) {}

  void add(const Module& module) {
    if (module.kind == "Transformer") {
      add_transformer();
    } else if (module.kind == "Pooling") {
      add_pooling(module.folder);
    } else if (module.kind == "Dense") {
      add_dense(module.folder);
    } else if (module.kind == "Normalize") {
      add_normalize(module.folder);
    } else if (module.kind != "Dropout") {  // which does nothing but in training
      throw bad_file(modules_file,
                     fmt::format("module {} is not supported; expected Transformer, Pooling, Dense, Normalize or "
                                 "Dropout",
                                 in_quotes(module.kind)));
    }
  }

  void finish() {
    if (!has_encoder_) throw bad_file(modules_file, "has no Transformer module; expected one, before all others");
    if (has_pooling_) return;
    throw bad_file(modules_file, "has no Pooling module, so a text has no vector; expected one after the Transformer");
  }

 private:
  void add_transformer() {
    if (has_encoder_) throw bad_file(modules_file, "has two Transformer modules; expected one");
    has_encoder_ = true;
  }

  // A later one takes the place of what was computed before.
  void add_pooling(const std::string& folder) {
    if (!has_encoder_) throw bad_file(modules_file, "has a Pooling module before the Transformer");
    has_pooling_ = true;
    const JsonObject file = open(folder, "Pooling");
    config_.pooling = read_modes(file);
    file.expect("include_prompt", true);
    file.refuse_others(irrelevant_keys::pooling);
    config_.sources["pooling"] = file.place("pooling_mode");
    config_.dense.clear();
    set_normalize(false, file.place("pooling_mode"));
    // As sentence-transformers does for files that have flags, none of which is set.
    if (config_.pooling.empty()) config_.pooling = {Pooling::mean};
  }

  void add_dense(const std::string& folder) {
    if (!has_pooling_) throw bad_file(modules_file, "has a Dense module before the Pooling");
    constexpr std::int64_t features_max = 1 << 20;
    const JsonObject file = open(folder, "Dense");
    DenseLayer layer{.folder = folder};
    layer.in = required_size(file, "in_features", features_max);
    layer.out = required_size(file, "out_features", features_max);
    layer.has_bias = file.get<bool>("bias").value_or(true);
    layer.has_residual = file.get_or_null<bool>("use_residual").value_or(false);
    layer.normalize_input = config_.normalize;
    if (const auto path = file.get<std::string>("activation_function")) {
      layer.activation = activation_class(*path, file.place("activation_function"));
    }
    file.expect("module_input_name", "sentence_embedding");
    file.expect("module_output_name", "sentence_embedding");
    file.refuse_others(std::array<std::string_view, 0>{});
    config_.dense.push_back(std::move(layer));
    config_.sources["dense"] = file.place("out_features");
    set_normalize(false, file.place("out_features"));
  }

  // Before a vector is there, it does nothing. One that lies in the model directory itself has no file of its own.
  void add_normalize(const std::string& folder) {
    const auto text = folder.empty() ? std::nullopt : files_.text(config_of(folder));
    if (text) {
      const JsonObject file(config_of(folder), *text);
      file.expect("module_input_name", "sentence_embedding");
      file.expect("module_output_name", "sentence_embedding");
      file.refuse_others(std::array<std::string_view, 0>{});
    }
    if (has_pooling_) set_normalize(true, std::string(modules_file) + ": Normalize");
  }

  void set_normalize(bool normalize, std::string source) {
    config_.normalize = normalize;
    config_.sources["normalize"] = std::move(source);
  }

  static std::int64_t required_size(const JsonObject& file, const char* key, std::int64_t max) {
    if (!file.has(key)) throw file.bad(fmt::format("has no '{}'", key));
    const auto size = file.integer(key, 0, 1);
    if (size > max) throw file.bad(fmt::format("'{}' should be at most {}, found {}", key, max, size));
    return size;
  }

  [[nodiscard]] JsonObject open(const std::string& folder, const char* module) const {
    const std::string name = config_of(folder);
    const auto text = files_.text(name);
    if (!text) {
      throw bad_file(modules_file,
                     fmt::format("names the {} module in {}, but {} is missing; the download may be incomplete", module,
                                 in_quotes(folder), name));
    }
    return {name, *text};
  }

  const ModelFiles& files_;
  ModelConfig& config_;
  bool has_encoder_ = false;
  bool has_pooling_ = false;
};

// Each Dense takes what comes before it.
void check_sizes(const ModelConfig& config) {
  auto size = static_cast<std::int64_t>(config.pooling.size()) * config.hidden_size;
  for (const auto& layer : config.dense) {
    if (layer.in != size) {
      throw bad_file(
          config_of(layer.folder),
          fmt::format("'in_features' should be {}, the size of what comes before it, found {}", size, layer.in));
    }
    size = layer.out;
  }
}

// Its logit comes from the Transformer itself.
void check_reranker(const std::vector<Module>& modules) {
  if (modules.size() != 1 || modules.front().kind != "Transformer") {
    throw bad_file(modules_file,
                   "has other modules than one Transformer; expected a cross-encoder with a classification head. "
                   "Embedders are opened by Embedder, EmbeddingModel or BGEM3FlagModel");
  }
}

}  // namespace

std::vector<Module> read_modules(const std::string& text) {
  const auto list = parse_file(modules_file, text);
  if (!list.is_array() || list.empty()) throw bad_file(modules_file, "should be a JSON array of modules");
  if (list.size() > modules_max) throw bad_file(modules_file, fmt::format("has more than {} modules", modules_max));
  std::vector<Module> modules;
  std::set<std::string> names;
  for (const auto& entry : list) {
    const JsonObject object(fmt::format("{}: module {}", modules_file, modules.size()), entry);
    // sentence-transformers keeps them by name, where the second takes the place of the first.
    const auto name = object.get<std::string>("name");
    if (name && !names.insert(*name).second)
      throw object.bad(fmt::format("the name {} occurs twice", in_quotes(*name)));
    modules.push_back(read_module(object));
  }
  return modules;
}

std::string encoder_folder(const std::vector<Module>& modules) {
  const auto found = std::ranges::find(modules, "Transformer", &Module::kind);
  return found == modules.end() ? std::string() : found->folder;
}

void apply_modules(const std::vector<Module>& modules, const ModelFiles& files, ModelKind kind, ModelConfig& config) {
  if (kind == ModelKind::reranker) {
    check_reranker(modules);
    return;
  }
  Assembly assembly(files, config);
  for (const auto& module : modules) assembly.add(module);
  assembly.finish();
  check_sizes(config);
}

std::string activation_class(const std::string& path, const std::string& place) {
  if (path.starts_with("torch.nn.")) return class_of(path);
  throw Error(ErrorCode::bad_model,
              fmt::format("{}: {} is not supported; expected a class of torch.nn, no other code is run", place,
                          in_quotes(path)));
}

}  // namespace bgem3::detail
