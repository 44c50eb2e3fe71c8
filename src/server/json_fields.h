#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

namespace bgem3::server {

/// A JSON object, as text, that grows field by field. It takes memory for its text alone, and none to be destroyed:
/// nlohmann's objects need some for that, which ends the process when there is none.
class JsonFields {
 public:
  struct Field;

  JsonFields() = default;
  JsonFields(std::initializer_list<Field> fields);

  JsonFields& add(const Field& field);

  /// "{…}"
  [[nodiscard]] std::string object() const { return '{' + fields_ + '}'; }

 private:
  std::string fields_;  // without the braces
};

/// A name and its value.
struct JsonFields::Field {
  Field(std::string_view field_name, std::string_view text);
  Field(std::string_view field_name, const char* text) : Field(field_name, std::string_view(text)) {}
  Field(std::string_view field_name, const std::string& text) : Field(field_name, std::string_view(text)) {}
  Field(std::string_view field_name, const JsonFields& nested) : name(field_name), json(nested.object()) {}
  Field(std::string_view field_name, const std::vector<std::string>& texts);
  Field(std::string_view field_name, std::nullptr_t) : name(field_name), json("null") {}
  template <typename Number>
  requires std::is_arithmetic_v<Number> Field(std::string_view field_name, Number number)
      : name(field_name), json(fmt::format("{}", number)) {}

  std::string_view name;
  std::string json;
};

/// A JSON string. Bytes that are not UTF-8 count as U+FFFD. What a terminal should not see, such as U+009B or U+202E,
/// is written as an escape.
std::string json_string(std::string_view text);

}  // namespace bgem3::server
