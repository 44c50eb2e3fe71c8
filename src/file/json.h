#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bgem3 {

/// Nested deeper than any real document: copying or printing such a value would take the stack.
constexpr std::size_t json_depth_max = 64;

/// Values of a file of a model, all arrays and objects counted through. The largest there are have some ten thousand.
constexpr std::size_t json_values_max = 1'000'000;

/// JSON that came from outside, or why there is none.
struct JsonDocument {
  nlohmann::json value;
  std::string fault;                 ///< empty: there is one; else "is not valid JSON" and the like
  bool has_too_many_values = false;  ///< is the fault
};

/// Sees a document while it is parsed.
struct JsonWatch {
  /// A key, in an object that `depth` others enclose counting itself.
  void key(std::size_t /*depth*/, const std::string& /*name*/) {}
  /// An array or object that is complete, and that `depth` others enclose. False drops it.
  bool keep(std::size_t /*depth*/, const nlohmann::json& /*value*/) { return true; }
};

namespace detail {

/// Builds a document in time and memory linear in the length of its text, which nlohmann's parser with a callback does
/// not: that looks at all siblings at each end of an array or object.
template <typename Watch>
class JsonBuilder final : public nlohmann::json_sax<nlohmann::json> {
  using Json = nlohmann::json;

 public:
  JsonBuilder(JsonDocument& document, std::size_t values_max, Watch& watch)
      : document_(document), values_max_(values_max), watch_(watch) {}

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*written*/) override { return add(value) != nullptr; }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) override { return refuse("is not valid JSON"); }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    watch_.key(open_.size(), name);
    open_.back().key = std::move(name);
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return refuse("is not valid JSON");
  }

 private:
  struct Open {
    Json* value;      // stays where it is: what encloses it grows when it is complete
    std::string key;  // of an object's member
  };

  // Nothing when the document is refused.
  template <typename Value>
  Json* add(Value&& value) {
    if (++values_ > values_max_) {
      document_.has_too_many_values = true;
      refuse(fmt::format("has more than {} values", values_max_));
      return nullptr;
    }
    if (open_.empty()) return &(document_.value = std::forward<Value>(value));
    auto& [parent, key] = open_.back();
    if (parent->is_array()) return &parent->emplace_back(std::forward<Value>(value));
    return &((*parent)[key] = std::forward<Value>(value));
  }

  bool open(Json value) {
    if (open_.size() == json_depth_max) return refuse(fmt::format("is nested deeper than {}", json_depth_max));
    Json* const added = add(std::move(value));
    if (added != nullptr) open_.push_back({added, {}});
    return added != nullptr;
  }

  bool close() {
    const Json& value = *open_.back().value;
    open_.pop_back();
    if (watch_.keep(open_.size(), value)) return true;
    if (open_.empty()) return refuse("is not what was expected");
    auto& [parent, key] = open_.back();
    if (parent->is_array()) {
      parent->erase(parent->size() - 1);
    } else {
      parent->erase(key);
    }
    return true;
  }

  bool refuse(std::string fault) {
    document_.fault = std::move(fault);
    return false;
  }

  JsonDocument& document_;
  const std::size_t values_max_;
  Watch& watch_;
  std::size_t values_ = 0;
  std::vector<Open> open_;
};

}  // namespace detail

/// Parses JSON that came from outside, with limits on depth and number of values. Of a name that an object has twice,
/// the last value counts.
template <typename Watch>
JsonDocument parse_json(std::string_view text, std::size_t values_max, Watch watch) {
  JsonDocument document;
  detail::JsonBuilder<Watch> builder(document, values_max, watch);
  if (!nlohmann::json::sax_parse(text, &builder)) document.value = nullptr;
  return document;
}

inline JsonDocument parse_json(std::string_view text, std::size_t values_max = json_values_max) {
  return parse_json(text, values_max, JsonWatch());
}

}  // namespace bgem3
