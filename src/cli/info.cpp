#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "bgem3/bgem3.h"
#include "bgem3/detail/message.h"
#include "cli/commands.h"
#include "cli/protected_files.h"

namespace bgem3::cli {
namespace {

nlohmann::ordered_json or_null(const std::optional<std::string>& text) {
  return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json();
}

std::vector<std::string> describe(const std::vector<DenseLayer>& layers) {
  std::vector<std::string> texts;
  texts.reserve(layers.size());
  for (const auto& layer : layers) {
    texts.push_back(fmt::format("{} to {}, {}", layer.in, layer.out, layer.activation));
  }
  return texts;
}

// In the order they are printed.
nlohmann::ordered_json describe(const Embedder& embedder, double load_seconds) {
  const ModelInfo& info = embedder.info();
  const ModelConfig& config = info.config;
  const std::filesystem::path encoder = config.encoder_directory(info.directory);
  std::vector<std::string> weights;
  weights.reserve(info.weight_files.size());
  for (const auto& file : info.weight_files) weights.push_back(file.string());
  const auto path_or_null = [](const std::filesystem::path& path) {
    return path.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(path.string());
  };
  return {
      {"directory", info.directory.string()},
      {"architecture", config.architecture},
      {"layers", config.layers},
      {"hidden_size", config.hidden_size},
      {"heads", config.heads},
      {"intermediate_size", config.intermediate_size},
      {"vocabulary_size", config.vocabulary_size},
      {"max_length", config.max_length},
      {"pooling", to_string(config.pooling)},
      {"dense", describe(config.dense)},
      {"normalize", config.normalize},
      {"truncate_dim",
       config.truncate_dim == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(config.truncate_dim)},
      {"dimension", embedder.dimension()},
      {"similarity", to_string(config.similarity)},
      {"truncation_side", embedder.tokenizer().truncates_left() ? "left" : "right"},
      {"prompts", config.prompts.by_name},
      {"default_prompt_name", or_null(config.prompts.default_name)},
      {"adapter", path_or_null(config.adapter ? encoder / "adapter_config.json" : "")},
      {"config", ((config.adapter ? config.adapter->base : encoder) / "config.json").string()},
      {"weights", weights},
      {"tokenizer", info.tokenizer_file.string()},
      {"sparse_head", path_or_null(info.sparse_file)},
      {"colbert_head", path_or_null(info.colbert_file)},
      {"parameters", info.parameters},
      {"weight_bytes", info.weight_bytes},
      {"workspace_bytes_per_token", info.workspace_bytes_per_token},
      {"stored_dtype", info.stored_dtype},
      {"dtype", to_string(info.dtype)},
      {"device", info.device},
      {"threads", info.threads},
      {"parallel_calls", info.parallel_calls},
      {"load_seconds", load_seconds},
      {"sources", config.sources},
  };
}

std::string readable(const std::string& key, const nlohmann::ordered_json& value) {
  if (key == "weight_bytes") return fmt::format("{:.1f} MB", value.get<double>() / 1e6);
  if (key == "workspace_bytes_per_token") return fmt::format("{:.1f} kB", value.get<double>() / 1e3);
  if (key == "parameters") return fmt::format("{:.1f} M", value.get<double>() / 1e6);
  if (key == "load_seconds") return fmt::format("{:.2f} s", value.get<double>());
  if (value.is_null() || (value.is_structured() && value.empty())) return "none";
  if (key == "prompts") return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (value.is_array()) return fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ", "));
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string title(std::string key) {
  if (key == "load_seconds") return "load time";
  if (key == "weight_bytes") return "memory of weights";
  if (key == "workspace_bytes_per_token") return "and per token";
  for (char& c : key) {
    if (c == '_') c = ' ';
  }
  return key;
}

}  // namespace

int info(const InfoArguments& arguments) {
  ProtectedFiles files;
  files.add_model(arguments.model);
  files.refuse_standard_output();
  const auto started = std::chrono::steady_clock::now();
  const Embedder embedder = Embedder::load(arguments.model, arguments.device.load_options());
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
  const auto description = describe(embedder, spent.count());
  if (arguments.json) {
    fmt::print("{}\n", detail::printable(description.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)));
    return 0;
  }
  const auto& sources = description["sources"];
  for (const auto& [key, value] : description.items()) {
    if (key == "sources") continue;
    const std::string text = detail::printable(readable(key, value));
    if (sources.contains(key)) {
      fmt::print("{:19} {:24} {}\n", title(key), text, detail::printable(sources[key].get<std::string>()));
    } else {
      fmt::print("{:19} {}\n", title(key), text);
    }
  }
  return 0;
}

}  // namespace bgem3::cli
