#include "server/body.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "server/failure.h"

namespace bgem3::server {
namespace {

constexpr std::size_t others_max = 10'000;  // values that clients send beside texts

Failure wrong_type(std::string_view name, std::string_view expected, const nlohmann::json& found) {
  if (found.is_null()) return invalid_argument(fmt::format("{} should be {}; it is missing", name, expected));
  return invalid_argument(fmt::format("{} should be {}, found {}", name, expected, found.type_name()));
}

std::vector<std::string> to_texts(std::string_view name, const nlohmann::json& value, std::size_t texts_max) {
  constexpr std::string_view expected = "a string or a list of strings";
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) throw wrong_type(name, expected, value);
  if (value.size() > texts_max) {
    throw Failure(413, "too_many_texts", fmt::format("{} may have {} texts, found {}", name, texts_max, value.size()));
  }
  std::vector<std::string> texts;
  texts.reserve(value.size());
  for (const auto& text : value) {
    if (!text.is_string()) {
      const char* hint = text.is_number() || text.is_array() ? "; send texts, not token ids of another tokenizer" : "";
      throw invalid_argument(
          fmt::format("{} should be {}, but item {} is {}{}", name, expected, texts.size(), text.type_name(), hint));
    }
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

}  // namespace

Body::Body(std::string_view text, std::size_t texts_max) : document_(parse_json(text, texts_max + others_max)) {
  if (document_.has_too_many_values) {
    throw Failure(413, "too_many_texts",
                  fmt::format("the body {}, for at most {} texts; send texts, not token ids of another tokenizer",
                              document_.fault, texts_max));
  }
  if (!document_.fault.empty()) {
    throw Failure(400, "invalid_json", fmt::format("the body {}; expected JSON in UTF-8", document_.fault));
  }
}

bool Body::has(const char* key) const { return !value(key).is_null(); }

const nlohmann::json& Body::value(const char* key) const {
  static const nlohmann::json null;
  if (!json().is_object()) {
    throw invalid_argument(fmt::format("the body should be an object with '{}', found {}", key, json().type_name()));
  }
  const auto found = json().find(key);
  return found == json().end() ? null : *found;
}

std::vector<std::string> Body::texts(const char* key, std::size_t texts_max) const {
  return to_texts(fmt::format("'{}'", key), value(key), texts_max);
}

std::vector<std::string> Body::bare_texts(std::size_t texts_max) const {
  return to_texts("the body", json(), texts_max);
}

std::string Body::text(const char* key) const {
  const auto& found = value(key);
  if (!found.is_string()) throw wrong_type(fmt::format("'{}'", key), "a string", found);
  return found.get<std::string>();
}

std::optional<bool> Body::flag(const char* key) const {
  const auto& found = value(key);
  if (found.is_null()) return std::nullopt;
  if (!found.is_boolean()) throw wrong_type(fmt::format("'{}'", key), "true or false", found);
  return found.get<bool>();
}

std::optional<std::size_t> Body::number(const char* key, std::size_t max) const {
  const auto& found = value(key);
  if (found.is_null()) return std::nullopt;
  const double number = found.is_number() ? found.get<double>() : 0;  // JSON knows one kind of numbers: 5.0 is whole
  if (number < 1 || number > static_cast<double>(max) || number != std::floor(number)) {
    const std::string shown = found.is_number() ? found.dump() : found.type_name();
    throw invalid_argument(fmt::format("'{}' should be a whole number from 1 to {}, found {}", key, max, shown));
  }
  return static_cast<std::size_t>(number);
}

std::string Body::choice(const char* key, std::initializer_list<const char*> allowed) const {
  const auto& found = value(key);
  if (found.is_null()) return *allowed.begin();
  if (!found.is_string() || std::find(allowed.begin(), allowed.end(), found.get<std::string>()) == allowed.end()) {
    throw invalid_argument(fmt::format("'{}' should be one of: {}", key, fmt::join(allowed, ", ")));
  }
  return found.get<std::string>();
}

}  // namespace bgem3::server
