#include "config/adapter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/irrelevant_keys.h"
#include "config/json_object.h"

namespace bgem3::detail {
namespace {

using Json = nlohmann::json;

constexpr std::size_t entries_max = 10'000;  // of a list or a pattern

std::vector<std::string> read_names(const JsonObject& file, const char* key) {
  const Json value = file.value(key);
  std::vector<std::string> names;
  if (value.is_null()) return names;
  if (value.is_string()) {
    throw file.bad(
        fmt::format("'{}' is a regular expression, {}, which is not supported; expected a list of modules "
                    "such as [\"query\", \"value\"]",
                    key, JsonObject::brief(value)));
  }
  if (!value.is_array() || value.size() > entries_max) {
    throw file.bad(fmt::format("'{}' should be a list of at most {} modules", key, entries_max));
  }
  for (const auto& name : value) {
    if (!name.is_string()) throw file.bad(fmt::format("'{}' should be a list of modules", key));
    names.push_back(name.get<std::string>());
  }
  return names;
}

// "all-linear", which stands for no list, is what peft itself writes out as one.
std::optional<std::vector<std::string>> read_targets(const JsonObject& file) {
  if (file.value("target_modules") == "all-linear") return std::nullopt;
  auto names = read_names(file, "target_modules");
  if (names.empty()) throw file.bad("'target_modules' should be a list of modules such as [\"query\", \"value\"]");
  return names;
}

// One number or a list.
std::vector<std::int64_t> read_layers(const JsonObject& file) {
  const Json value = file.value("layers_to_transform");
  if (value.is_null()) return {};
  const Json list = value.is_array() ? value : Json::array({value});
  const auto is_layer = [](const Json& layer) {
    return layer.is_number_unsigned() && layer.get<std::uint64_t>() <= INT32_MAX;
  };
  if (list.size() > entries_max || !std::ranges::all_of(list, is_layer)) {
    throw file.bad(fmt::format("'layers_to_transform' should be a list of layers, found {}", JsonObject::brief(value)));
  }
  return list.get<std::vector<std::int64_t>>();
}

bool is_plain(std::string_view pattern) {
  return !pattern.empty() && std::ranges::all_of(pattern, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
  });
}

// Their keys are regular expressions for the end of a module's name. Those that are names are taken as such.
std::map<std::string, double> read_pattern(const JsonObject& file, const char* key) {
  const Json value = file.value(key);
  std::map<std::string, double> numbers;
  if (value.is_null()) return numbers;
  if (!value.is_object() || value.size() > entries_max) {
    throw file.bad(fmt::format("'{}' should be an object of at most {} modules", key, entries_max));
  }
  for (const auto& [module, number] : value.items()) {
    const std::string_view name = std::string_view(module).substr(module.starts_with('^') ? 1 : 0);
    if (!is_plain(name)) {
      throw file.bad(fmt::format("'{}': the regular expression {} is not supported; expected the name of a module", key,
                                 JsonObject::brief(module)));
    }
    if (!number.is_number() || number.get<double>() <= 0) {
      throw file.bad(fmt::format("'{}': {} should be a number above 0, found {}", key, in_quotes(module),
                                 JsonObject::brief(number)));
    }
    numbers.emplace(module, number.get<double>());
  }
  return numbers;
}

// What stands before the number of a layer, one name or a list: regular expressions, of which names are taken.
std::vector<std::string> read_before_layers(const JsonObject& file) {
  const Json value = file.value("layers_pattern");
  if (JsonObject::is_empty(value)) return {};
  const Json list = value.is_array() ? value : Json::array({value});
  const auto is_name = [](const Json& name) {
    return name.is_string() && is_plain(name.get_ref<const std::string&>()) &&
           name.get_ref<const std::string&>().find('.') == std::string::npos;
  };
  if (list.size() > entries_max || !std::ranges::all_of(list, is_name)) {
    throw file.bad(fmt::format("'layers_pattern': {} is not supported; expected a name such as \"layer\", or a list",
                               JsonObject::brief(value)));
  }
  return list.get<std::vector<std::string>>();
}

// What peft would do beyond adding a product to the weight of a linear layer.
void refuse_unsupported(const JsonObject& file) {
  const auto type = file.get<std::string>("peft_type").value_or("none");
  if (type != "LORA") {
    throw file.bad(
        fmt::format("peft_type {} is not supported; expected 'LORA', or a model that the adapter was "
                    "merged into (merge_and_unload of peft)",
                    in_quotes(type)));
  }
  file.expect("bias", "none");
  file.expect_or_null("fan_in_fan_out", false);
  file.expect_or_null("lora_bias", false);
  file.expect_or_null("use_dora", false);
  file.expect_or_null("use_qalora", false);
  file.expect_or_null("modules_to_save", Json::array());
  file.expect_or_null("loftq_config", Json::object());
  file.expect_or_null("revision", "main");
  // Other ways to begin the training change the base as well.
  const Json start = file.value("init_lora_weights");
  if (!start.is_null() && !start.is_boolean() && start != "gaussian") {
    throw file.bad(fmt::format("'init_lora_weights': {} is not supported; expected true, false or \"gaussian\"",
                               JsonObject::brief(start)));
  }
}

// Whether `module` is `name` or ends in it as a whole.
bool ends_in(std::string_view module, std::string_view name) {
  if (!module.ends_with(name)) return false;
  return module.size() == name.size() || module[module.size() - name.size() - 1] == '.';
}

bool any_ends(const std::vector<std::string>& names, std::string_view module) {
  return std::ranges::any_of(names, [&](const std::string& name) { return ends_in(module, name); });
}

std::optional<std::int64_t> to_number(std::string_view part) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
  return error == std::errc() && end == part.data() + part.size() ? std::optional(number) : std::nullopt;
}

// The number in "encoder.layer.3.output.dense": the first part that is one, has `before` in front of it, or where that
// is empty two parts of any name, and is not the last.
std::optional<std::int64_t> layer_of(std::string_view module, std::string_view before) {
  std::string_view last;
  for (std::size_t i = 0;; ++i) {
    const auto end = module.find('.');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view part = module.substr(0, end);
    const bool is_in_place = before.empty() ? i >= 2 : i >= 1 && last == before;
    const auto number = is_in_place ? to_number(part) : std::nullopt;
    if (number) return number;
    last = part;
    module.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> layer_of(std::string_view module, const std::vector<std::string>& before_layers) {
  if (before_layers.empty()) return layer_of(module, std::string_view());
  for (const std::string_view before : before_layers) {
    if (const auto layer = layer_of(module, before)) return layer;
  }
  return std::nullopt;
}

double value_for(const std::map<std::string, double>& pattern, std::string_view module, double otherwise) {
  std::optional<double> found;
  for (const auto& [key, number] : pattern) {
    const bool fits = key.starts_with('^') ? module == std::string_view(key).substr(1) : ends_in(module, key);
    if (!fits) continue;
    // peft takes the first, whose place in the file a JSON object does not keep.
    if (found && *found != number) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("adapter_config.json: rank_pattern or alpha_pattern has two numbers "
                              "for {}, {} and {}; expected one",
                              in_quotes(module), *found, number));
    }
    found = number;
  }
  return found.value_or(otherwise);
}

}  // namespace

LoraAdapter read_adapter(const std::string& name, const std::string& text) {
  const JsonObject file(name, text);
  refuse_unsupported(file);
  LoraAdapter adapter;
  const auto base = file.get<std::string>("base_model_name_or_path").value_or("");
  if (base.empty() || base.find('\0') != std::string::npos) {
    throw file.bad("'base_model_name_or_path' should be the directory or the name of the model that it changes");
  }
  adapter.base = base;
  adapter.rank = file.integer("r", adapter.rank, 1);
  adapter.alpha = file.get<double>("lora_alpha").value_or(adapter.alpha);
  adapter.is_rank_stabilized = file.get_or_null<bool>("use_rslora").value_or(false);
  adapter.targets = read_targets(file);
  adapter.excluded = read_names(file, "exclude_modules");
  adapter.layers = read_layers(file);
  adapter.before_layers = read_before_layers(file);
  if (!adapter.targets && !adapter.layers.empty()) {
    throw file.bad(
        "'layers_to_transform' is not supported with target_modules \"all-linear\"; expected a list of modules");
  }
  adapter.rank_pattern = read_pattern(file, "rank_pattern");
  for (const auto& [module, rank] : adapter.rank_pattern) {
    if (rank <= INT32_MAX && rank == std::floor(rank)) continue;
    throw file.bad(fmt::format("'rank_pattern': {} should be a whole number, found {}", in_quotes(module), rank));
  }
  adapter.alpha_pattern = read_pattern(file, "alpha_pattern");
  file.refuse_others(irrelevant_keys::adapter);
  return adapter;
}

bool is_targeted(const LoraAdapter& adapter, std::string_view module) {
  if (any_ends(adapter.excluded, module)) return false;
  if (!adapter.targets) return true;
  if (std::ranges::find(*adapter.targets, module) != adapter.targets->end()) return true;
  if (!any_ends(*adapter.targets, module)) return false;
  const auto layer = layer_of(module, adapter.before_layers);
  return adapter.layers.empty() || (layer && std::ranges::find(adapter.layers, *layer) != adapter.layers.end());
}

LoraTerm lora_term(const LoraAdapter& adapter, std::string_view module) {
  const double rank = value_for(adapter.rank_pattern, module, static_cast<double>(adapter.rank));
  const double alpha = value_for(adapter.alpha_pattern, module, adapter.alpha);
  return {static_cast<std::int64_t>(rank), alpha / (adapter.is_rank_stabilized ? std::sqrt(rank) : rank)};
}

}  // namespace bgem3::detail
