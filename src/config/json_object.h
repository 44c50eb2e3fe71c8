#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "file/json.h"

namespace bgem3::detail {

/// A JSON document of a model directory whose errors name the file.
class JsonFile {
 public:
  JsonFile(std::string name, const std::string& text) : name_(std::move(name)) {
    auto document = parse_json(text);
    if (!document.fault.empty()) throw bad(document.fault + "; it may be cut off, or a Git LFS pointer");
    json_ = std::move(document.value);
  }

  [[nodiscard]] const nlohmann::json& json() const noexcept { return json_; }

  [[nodiscard]] Error bad(const std::string& what) const {
    return Error(ErrorCode::bad_model, fmt::format("{}: {}", name_, what));
  }

  /// The value of `key`, or nothing when it is absent or null.
  template <typename T>
  [[nodiscard]] std::optional<T> get(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return std::nullopt;
    if (!is<T>(*found)) {
      throw bad(fmt::format("'{}' should be {}, found {}", key, type_name<T>(), brief(*found)));
    }
    return found->template get<T>();
  }

  /// A whole number of at least `min`, at most 2^31 - 1; `fallback` when the key is absent.
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t fallback, std::int64_t min) const {
    const std::int64_t value = get<std::int64_t>(key).value_or(fallback);
    if (value < min || value > INT32_MAX) {
      throw bad(fmt::format("'{}' should be a whole number from {} to {}, found {}", key, min, INT32_MAX, value));
    }
    return value;
  }

 private:
  template <typename T>
  static bool is(const nlohmann::json& value) {
    if constexpr (std::is_same_v<T, bool>) return value.is_boolean();
    if constexpr (std::is_same_v<T, std::int64_t>) return value.is_number_integer();
    if constexpr (std::is_same_v<T, double>) return value.is_number();
    if constexpr (std::is_same_v<T, std::string>) return value.is_string();
  }

  template <typename T>
  static constexpr const char* type_name() {
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    if constexpr (std::is_same_v<T, std::int64_t>) return "a whole number";
    if constexpr (std::is_same_v<T, double>) return "a number";
    if constexpr (std::is_same_v<T, std::string>) return "a string";
  }

  static std::string brief(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 80);
  }

  std::string name_;
  nlohmann::json json_;
};

}  // namespace bgem3::detail
