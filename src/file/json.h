#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace bgem3 {

/// Nested deeper than any real document: copying or printing such a value would take the stack.
constexpr std::size_t json_depth_max = 64;

/// Values of a file of a model, all arrays and objects counted through. The largest there are have some ten thousand.
constexpr std::size_t json_values_max = 1'000'000;

/// Makes a value null, without the memory that nlohmann's destructor takes for arrays and objects that are not empty:
/// for want of it the process would end.
void clear_json(nlohmann::json& value) noexcept;

/// Whether nlohmann's parser stopped at a number such as 1e400. Anything else that it stops at is not valid JSON.
inline bool is_number_too_large(const nlohmann::json::exception& error) noexcept {
  constexpr int id = 406;  // as its documentation numbers errors
  return error.id == id;
}

/// JSON that came from outside, or why there is none.
struct JsonDocument {
  JsonDocument() = default;
  JsonDocument(JsonDocument&&) noexcept = default;
  JsonDocument& operator=(JsonDocument&&) = delete;
  ~JsonDocument() { clear_json(value); }

  nlohmann::json value;
  std::string fault;                 ///< empty: there is one; else "is not valid JSON" and the like
  bool has_too_many_values = false;  ///< is the fault
};

/// Sees a document while it is parsed.
class JsonWatch {
 public:
  JsonWatch() = default;
  JsonWatch(const JsonWatch&) = delete;
  JsonWatch& operator=(const JsonWatch&) = delete;
  virtual ~JsonWatch() = default;

  /// A key. `depth`: arrays and objects around it, its own object included.
  virtual void key(std::size_t /*depth*/, const std::string& /*name*/) {}
  /// An array or object that is complete. `depth`: arrays and objects around it. False drops it.
  virtual bool keep(std::size_t /*depth*/, const nlohmann::json& /*value*/) { return true; }
};

/// Parses JSON that came from outside, with limits on depth and number of values. Of a name that an object has twice,
/// the last value counts. What `watch` throws passes.
JsonDocument parse_json(std::string_view text, std::size_t values_max, JsonWatch& watch);
JsonDocument parse_json(std::string_view text, std::size_t values_max = json_values_max);

}  // namespace bgem3
