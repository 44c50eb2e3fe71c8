#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "config/json_object.h"

/// What readers of the components of tokenizer.json share.
namespace bgem3::detail {

[[noreturn]] inline void bad_tokenizer(const std::string& what) {
  throw Error(ErrorCode::bad_model, "tokenizer.json: " + what);
}

/// The value at `key`; null where there is none.
inline const nlohmann::json& member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

inline std::string text_or(const nlohmann::json& value, const char* otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

/// The "type" of a component; "none" where it has none.
inline std::string type_of(const nlohmann::json& component) { return text_or(member(component, "type"), "none"); }

/// The steps of a component that may be a Sequence, which has them at `key`.
inline std::vector<nlohmann::json> steps_of(const nlohmann::json& component, const char* key) {
  constexpr std::size_t steps_max = 64;
  if (component.is_null()) return {};
  if (type_of(component) != "Sequence") return {component};
  const nlohmann::json& steps = member(component, key);
  if (!steps.is_array() || steps.size() > steps_max) {
    bad_tokenizer(fmt::format("'{}' should be a list of at most {} steps", key, steps_max));
  }
  return steps.get<std::vector<nlohmann::json>>();
}

/// Refuses a component that would change ids. `role`: where it stands.
[[noreturn]] inline void refuse_component(const char* role, const nlohmann::json& component, const char* expected) {
  bad_tokenizer(fmt::format("{} {} is not supported; expected {}", role, JsonObject::brief(component), expected));
}

/// A member that has to be there, be it null.
template <typename T>
T required(const JsonObject& component, const std::string& key) {
  const auto found = component.get<T>(key);
  if (!found) throw component.bad(fmt::format("has no '{}'", key));
  return *found;
}

}  // namespace bgem3::detail
