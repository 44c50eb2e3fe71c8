#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "api/model_fields.h"
#include "bgem3/bgem3.h"
#include "bgem3/detail/message.h"
#include "bgem3/reranker.h"
#include "cli/commands.h"
#include "cli/protected_files.h"

namespace bgem3::cli {
namespace {

using Json = nlohmann::ordered_json;
using Loaded = std::variant<Embedder, Reranker>;

// What the configuration says, which the weights need not follow. What is wrong with it, loading tells.
bool claims_to_be_reranker(const std::string& directory) {
  try {
    return read_model_config(directory, ModelKind::reranker).model_class.ends_with("ForSequenceClassification");
  } catch (const Error&) {
    return false;
  }
}

// Nothing, and the reason in `refusal`, where the directory is a model of another kind, or none.
template <typename Model>
std::optional<Loaded> try_load(const InfoArguments& arguments, std::optional<Error>& refusal) {
  try {
    return Model::load(arguments.model, arguments.device.load_options());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_model) throw;
    refusal = error;
    return std::nullopt;
  }
}

// Whichever of the two the directory is. Where it is neither, the reason that it is no embedder counts: it tells of a
// cross-encoder, too.
Loaded load(const InfoArguments& arguments) {
  std::optional<Error> refusal;
  const bool is_tried = claims_to_be_reranker(arguments.model);
  if (is_tried) {
    if (auto model = try_load<Reranker>(arguments, refusal)) return *std::move(model);
  }
  if (auto model = try_load<Embedder>(arguments, refusal)) return *std::move(model);
  std::optional<Error> other;
  if (!is_tried) {
    if (auto model = try_load<Reranker>(arguments, other)) return *std::move(model);
  }
  throw *refusal;
}

struct ToJson {
  Json operator()(std::monostate /*none*/) const { return nullptr; }
  Json operator()(const std::filesystem::path& path) const { return path.string(); }
  Json operator()(const std::vector<std::filesystem::path>& paths) const {
    Json texts = Json::array();
    for (const auto& path : paths) texts.push_back(path.string());
    return texts;
  }
  Json operator()(const auto& value) const { return value; }
};

// In the order they are printed.
Json describe(const Loaded& loaded, double load_seconds) {
  const auto info = std::visit([](const auto& model) { return model.info(); }, loaded);
  const auto tokenizer = std::visit([](const auto& model) { return model.tokenizer(); }, loaded);
  const auto kind = std::holds_alternative<Reranker>(loaded) ? ModelKind::reranker : ModelKind::embedder;
  Json description = {{"kind", kind == ModelKind::reranker ? "cross-encoder" : "embedder"}};
  for (const auto& [name, value, only_of] : describe_model(info)) {
    if (name == "prompts") description["truncation_side"] = tokenizer.truncates_left() ? "left" : "right";
    if (name == "sources") description["load_seconds"] = load_seconds;
    if (only_of.value_or(kind) == kind) description[std::string(name)] = std::visit(ToJson(), value);
  }
  return description;
}

void print_json(Json description) {
  // As these two were called at first.
  for (const auto& [name, first_name] : {std::pair("weight_files", "weights"), {"tokenizer_file", "tokenizer"}}) {
    Json value = description[name];
    description[first_name] = std::move(value);
  }
  fmt::print("{}\n", detail::printable(description.dump(2, ' ', false, Json::error_handler_t::replace)));
}

std::string readable(const std::string& key, const Json& value) {
  if (key == "weight_bytes") return fmt::format("{:.1f} MB", value.get<double>() / 1e6);
  if (key == "workspace_bytes_per_token") return fmt::format("{:.1f} kB", value.get<double>() / 1e3);
  if (key == "parameters") return fmt::format("{:.1f} M", value.get<double>() / 1e6);
  if (key == "load_seconds") return fmt::format("{:.2f} s", value.get<double>());
  if (value.is_null() || (value.is_structured() && value.empty())) return "none";
  if (key == "prompts") return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (value.is_array()) return fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ", "));
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string title(std::string key) {
  if (key == "load_seconds") return "load time";
  if (key == "weight_bytes") return "memory of weights";
  if (key == "workspace_bytes_per_token") return "and per token";
  if (key == "weight_files") return "weights";
  if (key == "tokenizer_file") return "tokenizer";
  for (char& c : key) {
    if (c == '_') c = ' ';
  }
  return key;
}

// Another line tells the same.
bool is_told_elsewhere(const std::string& key) {
  static const std::set<std::string_view> keys = {"dense_layers", "has_sparse", "has_colbert", "sources"};
  return keys.contains(key);
}

void print_text(const Json& description) {
  const Json& sources = description["sources"];
  for (const auto& [key, value] : description.items()) {
    if (is_told_elsewhere(key)) continue;
    const std::string text = detail::printable(readable(key, value));
    if (sources.contains(key)) {
      fmt::print("{:19} {:24} {}\n", title(key), text, detail::printable(sources[key].get<std::string>()));
    } else {
      fmt::print("{:19} {}\n", title(key), text);
    }
  }
}

}  // namespace

int info(const InfoArguments& arguments) {
  ProtectedFiles files;
  files.add_model(arguments.model);
  files.refuse_standard_output();
  const auto started = std::chrono::steady_clock::now();
  const Loaded loaded = load(arguments);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
  const Json description = describe(loaded, spent.count());
  if (arguments.json) {
    print_json(description);
  } else {
    print_text(description);
  }
  return 0;
}

}  // namespace bgem3::cli
