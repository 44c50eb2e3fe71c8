#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/json.h"
#include "file/other_file.h"

namespace bgem3::detail {

/// The fault of a file of a model directory, which names the file.
[[nodiscard]] inline Error bad_file(const std::string& file, const std::string& what) {
  return {ErrorCode::bad_model, fmt::format("{}: {}", in_one_line(file), what)};
}

/// A JSON document of a model directory.
/// @throws Error bad_model, when it is none
inline nlohmann::json parse_file(const std::string& file, const std::string& text) {
  auto document = parse_json(text);
  if (!document.fault.empty()) {
    const std::string instead = describe_other_file(text);
    throw bad_file(file, instead.empty() ? document.fault + "; it may be cut off" : instead);
  }
  return std::move(document.value);
}

/// A JSON object of a model directory. It remembers the keys that were asked for, so that the others can be refused:
/// what is passed over silently gives wrong vectors.
class JsonObject {
 public:
  /// `name`: the file, and where in it the object lies
  JsonObject(std::string name, nlohmann::json json) : name_(std::move(name)), json_(std::move(json)) {
    if (!json_.is_object()) throw bad(fmt::format("should be a JSON object, found {}", brief(json_)));
  }
  JsonObject(const std::string& file, const std::string& text) : JsonObject(file, parse_file(file, text)) {}

  /// For messages: "config.json: hidden_size".
  [[nodiscard]] std::string place(const std::string& key) const {
    return fmt::format("{}: {}", in_one_line(name_), in_one_line(key));
  }

  [[nodiscard]] Error bad(const std::string& what) const { return bad_file(name_, what); }

  /// Whether `key` is there, be it null.
  [[nodiscard]] bool has(const std::string& key) const { return find(key) != nullptr; }

  /// The value of `key`, or nothing when it is absent. Null is a value: in Python None is often not the default.
  template <typename T>
  [[nodiscard]] std::optional<T> get(const std::string& key) const {
    const auto* found = find(key);
    return found == nullptr ? std::nullopt : std::optional(as<T>(key, *found));
  }

  /// get(), of a key for which null says the same as nothing.
  template <typename T>
  [[nodiscard]] std::optional<T> get_or_null(const std::string& key) const {
    return value(key).is_null() ? std::nullopt : get<T>(key);
  }

  /// The value of `key`; null when it is absent.
  [[nodiscard]] nlohmann::json value(const std::string& key) const {
    const auto* found = find(key);
    return found == nullptr ? nlohmann::json() : *found;
  }

  /// The object at `key`; an empty one when it is absent or null.
  [[nodiscard]] JsonObject object(const std::string& key) const {
    const auto* found = find(key);
    return {place(key), found == nullptr || found->is_null() ? nlohmann::json::object() : *found};
  }

  /// A whole number of at least `min`, at most 2^31 - 1; `fallback` when the key is absent.
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t min) const {
    const auto* found = find(key);
    return whole_number(key, found == nullptr ? nlohmann::json(fallback) : *found, min);
  }

  /// Such a number, of those that lie at `key`.
  [[nodiscard]] std::int64_t whole_number(const std::string& key, const nlohmann::json& found, std::int64_t min) const {
    const auto value = as<std::int64_t>(key, found);
    if (value < min || value > INT32_MAX) {
      throw bad(fmt::format("'{}' should be a whole number from {} to {}, found {}", key, min, INT32_MAX, value));
    }
    return value;
  }

  /// Whether "truncation_side" is "left"; nothing when it is absent.
  [[nodiscard]] std::optional<bool> truncate_left() const {
    const auto side = get<std::string>("truncation_side");
    if (!side) return std::nullopt;
    if (*side != "left" && *side != "right") {
      throw bad(fmt::format("'truncation_side' should be 'left' or 'right', found {}", in_quotes(*side)));
    }
    return *side == "left";
  }

  /// Refuses `key` unless it is absent or `only`.
  void expect(const std::string& key, const nlohmann::json& only) const {
    const auto* found = find(key);
    if (found == nullptr || *found == only) return;
    throw bad(fmt::format("'{}': {} is not supported; expected {}", key, brief(*found), brief(only)));
  }

  /// expect(), of a key for which null says the same as `only`.
  void expect_or_null(const std::string& key, const nlohmann::json& only) const {
    if (!value(key).is_null()) expect(key, only);
  }

  /// Refuses every key that was not asked for and is not in `irrelevant`, a list of names. In a description null, false
  /// and empty values ask for nothing.
  template <typename Names>
  void refuse_others(const Names& irrelevant) const {
    refuse_others(irrelevant, [](const nlohmann::json& value) { return asks_for_nothing(value); });
  }

  /// The same for arguments of a function, whose defaults may be other values.
  template <typename Names>
  void refuse_other_arguments(const Names& irrelevant) const {
    refuse_others(irrelevant, [](const nlohmann::json&) { return false; });
  }

  /// Whether a value is null, or a list, an object or a text without anything in it.
  static bool is_empty(const nlohmann::json& value) {
    return value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty();
  }

  /// A value for a message, of which a long one is cut.
  static std::string brief(const nlohmann::json& value) {
    return in_one_line(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

 private:
  template <typename T>
  [[nodiscard]] T as(const std::string& key, const nlohmann::json& found) const {
    if (!is<T>(found)) throw bad(fmt::format("'{}' should be {}, found {}", key, type_name<T>(), brief(found)));
    return found.get<T>();
  }

  [[nodiscard]] const nlohmann::json* find(const std::string& key) const {
    asked_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  template <typename Names>
  void refuse_others(const Names& irrelevant, bool (*may_pass)(const nlohmann::json&)) const {
    for (const auto& [key, value] : json_.items()) {
      if (asked_.contains(key) || may_pass(value)) continue;
      bool is_irrelevant = false;
      for (const auto& name : irrelevant) is_irrelevant |= name == key;
      if (is_irrelevant) continue;
      throw bad(
          fmt::format("key {} (found {}) is not known. If it changes vectors, they would be wrong; if it does not, "
                      "remove it from the file",
                      in_quotes(key), brief(value)));
    }
  }

  static bool asks_for_nothing(const nlohmann::json& value) { return value == false || is_empty(value); }

  template <typename T>
  static bool is(const nlohmann::json& value) {
    if constexpr (std::is_same_v<T, bool>) return value.is_boolean();
    if constexpr (std::is_same_v<T, std::int64_t>) {
      return value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
    }
    if constexpr (std::is_same_v<T, double>) return value.is_number();
    if constexpr (std::is_same_v<T, std::string>) return value.is_string();
  }

  template <typename T>
  static constexpr const char* type_name() {
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, std::int64_t>) return "a whole number below 2^63";
    if constexpr (std::is_same_v<T, double>) return "a number";
    if constexpr (std::is_same_v<T, std::string>) return "a string";
  }

  std::string name_;
  nlohmann::json json_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace bgem3::detail
