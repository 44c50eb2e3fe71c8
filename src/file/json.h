#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace bgem3 {

/// Parses JSON that came from outside; check is_discarded(). Nested deeper than any real file of a model it counts as
/// damaged: copying or printing such a value would take the stack.
/// @param watch  as nlohmann's parser callback: sees every value, and drops those for which it returns false
template <typename Watch>
nlohmann::json parse_json(std::string_view text, Watch watch) {
  constexpr int depth_max = 64;
  bool too_deep = false;
  const auto guard = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    too_deep |= depth > depth_max;
    return depth <= depth_max && watch(depth, event, value);
  };
  auto json = nlohmann::json::parse(text, guard, /*allow_exceptions=*/false);
  return too_deep ? nlohmann::json(nlohmann::json::value_t::discarded) : json;
}

inline nlohmann::json parse_json(std::string_view text) {
  return parse_json(text, [](int, nlohmann::json::parse_event_t, const nlohmann::json&) { return true; });
}

}  // namespace bgem3
