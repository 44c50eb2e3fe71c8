#include "server/body.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "server/failure.h"
#include "text/surrogates.h"

namespace bgem3::server {
namespace {

using nlohmann::json;

constexpr std::size_t others_max = 10'000;        // values that clients send beside texts
constexpr std::size_t token_ids_max = 1'000'000;  // of all texts of a request

Failure wrong_type(std::string_view name, std::string_view expected, const json& found) {
  if (found.is_null()) return invalid_argument(fmt::format("{} should be {}; it is missing", name, expected));
  return invalid_argument(fmt::format("{} should be {}, found {}", name, expected, found.type_name()));
}

void check_count(std::string_view name, const json& list, std::size_t most) {
  if (list.size() <= most) return;
  throw Failure(413, "too_many_texts", fmt::format("{} may have {} texts, found {}", name, most, list.size()));
}

// The items of a list, each as read(item) gives it: nothing for one that is not as expected.
template <typename Read>
auto read_list(std::string_view name, std::string_view expected, const json& list, std::size_t most, Read read) {
  if (!list.is_array()) throw wrong_type(name, expected, list);
  check_count(name, list, most);
  std::vector<typename decltype(read(list))::value_type> items;
  items.reserve(list.size());
  for (const auto& item : list) {
    auto found = read(item);
    if (!found) {
      throw invalid_argument(
          fmt::format("{} should be {}, but item {} is {}", name, expected, items.size(), item.type_name()));
    }
    items.push_back(std::move(*found));
  }
  return items;
}

std::optional<std::string> as_text(const json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

std::optional<std::string> as_document(const json& value) {
  if (!value.is_object()) return as_text(value);
  const auto found = value.find("text");
  return found == value.end() ? std::nullopt : as_text(*found);
}

std::optional<std::pair<std::string, std::string>> as_pair(const json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) return std::nullopt;
  return std::pair(value[0].get<std::string>(), value[1].get<std::string>());
}

std::vector<std::string> to_texts(std::string_view name, const json& value, std::size_t texts_max) {
  if (value.is_string()) return {value.get<std::string>()};
  return read_list(name, "a string or a list of strings", value, texts_max, as_text);
}

// JSON knows one kind of numbers: 5.0 is whole.
std::optional<std::int32_t> as_number(const json& value, std::int32_t max) {
  const double number = value.is_number() ? value.get<double>() : -1;
  if (number < 0 || number > max || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int32_t>(number);
}

bool is_json_document(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (text[first] == '{' || text[first] == '[') && json::accept(text);
}

}  // namespace

ParsedBody::ParsedBody(std::string_view text, std::size_t texts_max)
    : document(parse_json(MendedJson(text).text(), texts_max + others_max + token_ids_max)) {
  if (document.has_too_many_values) {
    throw Failure(413, "too_many_texts", fmt::format("the body {}, for at most {} texts", document.fault, texts_max));
  }
  if (!document.fault.empty()) {
    throw Failure(400, "invalid_json", fmt::format("the body {}; expected JSON in UTF-8", document.fault));
  }
  if (document.value.is_string() && is_json_document(document.value.get_ref<const std::string&>())) {
    throw invalid_argument(
        "the body is a JSON string that holds JSON, encoded twice; send the inner JSON itself, as "
        "requests.post(url, json=data) does, not json=json.dumps(data)");
  }
}

std::vector<std::string> Body::bare_texts(std::size_t texts_max) const {
  return to_texts("the body", document.value, texts_max);
}

bool Fields::has(const char* key) const { return !value(key).is_null(); }

bool Fields::mentions(const char* key) const {
  if (!object_.is_object()) return false;
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

std::string Fields::name_of(std::string_view key) const {
  return within_ == "the body" ? fmt::format("'{}'", key) : fmt::format("'{}' of {}", key, within_);
}

const json& Fields::value(const char* key) const {
  static const json null;
  if (!object_.is_object()) {
    throw invalid_argument(
        fmt::format("{} should be an object with '{}', found {}", within_, key, object_.type_name()));
  }
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const auto found = object_.find(key);
  return found == object_.end() ? null : *found;
}

std::vector<std::string> Fields::texts(const char* key, std::size_t texts_max) const {
  return to_texts(name_of(key), value(key), texts_max);
}

std::vector<std::pair<std::string, std::string>> Fields::text_pairs(const char* key, std::size_t texts_max) const {
  const auto& found = value(key);
  if (auto one = as_pair(found)) return {std::move(*one)};
  return read_list(name_of(key), "a pair of strings or a list of such pairs", found, texts_max, as_pair);
}

std::vector<std::string> Fields::documents(const char* key, std::size_t texts_max) const {
  const auto& found = value(key);
  if (auto one = as_document(found)) return {std::move(*one)};
  return read_list(name_of(key), "a list of strings, or of objects with 'text'", found, texts_max, as_document);
}

const char* Fields::either(const char* one, const char* other) const {
  if (!has(other)) return one;
  if (!has(one)) return other;
  throw invalid_argument(fmt::format("{} and {} are the same; leave out one of the two", name_of(one), name_of(other)));
}

bool Fields::equals(const Fields& other, const char* key) const {
  constexpr std::size_t fields_max = 64;  // each instance of many is compared
  if (object_.size() > fields_max) {
    throw invalid_argument(fmt::format("{} may have {} fields, found {}", within_, fields_max, object_.size()));
  }
  if (&object_ == &other.object_) return true;
  const auto is_same = [&](const json& one, const json& another) {
    return std::all_of(one.items().begin(), one.items().end(), [&](const auto& item) {
      const auto found = another.find(item.key());
      return item.key() == key || item.value().is_null() || (found != another.end() && *found == item.value());
    });
  };
  return is_same(object_, other.object_) && is_same(other.object_, object_);
}

bool Fields::is_object(const char* key) const { return value(key).is_object(); }

bool Fields::is_text(const char* key) const { return value(key).is_string(); }

bool Fields::is_pair(const char* key) const { return as_pair(value(key)).has_value(); }

bool Fields::has_numbers(const char* key) const {
  const auto& found = value(key);
  if (!found.is_array() || found.empty()) return false;
  return found[0].is_number() || (found[0].is_array() && !found[0].empty() && found[0][0].is_number());
}

std::vector<std::vector<std::int32_t>> Fields::number_lists(const char* key, std::size_t lists_max,
                                                            std::int32_t max) const {
  const auto& found = value(key);
  const auto numbers_of = [&](const json& list) {
    const std::string expected = fmt::format("whole numbers from 0 to {}", max);
    return read_list(name_of(key), expected, list, list.size(), [&](const json& item) { return as_number(item, max); });
  };
  if (found.is_array() && !found.empty() && found[0].is_number()) return {numbers_of(found)};
  return read_list(name_of(key), "a list of numbers, or of such lists", found, lists_max,
                   [&](const json& list) { return list.is_array() ? std::optional(numbers_of(list)) : std::nullopt; });
}

std::string Fields::text(const char* key) const {
  const auto& found = value(key);
  if (!found.is_string()) throw wrong_type(name_of(key), "a string", found);
  return found.get<std::string>();
}

std::optional<bool> Fields::flag(const char* key) const {
  const auto& found = value(key);
  if (found.is_null()) return std::nullopt;
  if (!found.is_boolean()) throw wrong_type(name_of(key), "true or false", found);
  return found.get<bool>();
}

std::optional<bool> Fields::lenient_flag(const char* key) const {
  const auto& found = value(key);
  if (found == "true" || found == "false") return found == "true";
  return flag(key);
}

std::optional<std::size_t> Fields::count(const char* key, std::size_t max) const {
  const auto& found = value(key);
  const double number = found.is_number() ? found.get<double>() : 1;
  const bool is_none =
      number <= 0 && number >= std::numeric_limits<std::int32_t>::min() && number == std::floor(number);
  if (is_none) return std::nullopt;
  return this->number(key, max);
}

std::optional<std::size_t> Fields::number(const char* key, std::size_t max) const {
  const auto& found = value(key);
  if (found.is_null()) return std::nullopt;
  const double number = found.is_number() ? found.get<double>() : 0;
  if (number < 1 || number > static_cast<double>(max) || number != std::floor(number)) {
    const std::string shown = found.is_number() ? found.dump() : found.type_name();
    throw invalid_argument(fmt::format("{} should be a whole number from 1 to {}, found {}", name_of(key), max, shown));
  }
  return static_cast<std::size_t>(number);
}

std::string Fields::choice(const char* key, std::initializer_list<const char*> allowed) const {
  const auto& found = value(key);
  if (found.is_null()) return *allowed.begin();
  if (!found.is_string() || std::find(allowed.begin(), allowed.end(), found.get<std::string>()) == allowed.end()) {
    throw invalid_argument(fmt::format("{} should be one of: {}", name_of(key), fmt::join(allowed, ", ")));
  }
  return found.get<std::string>();
}

Fields Fields::object(const char* key) const {
  static const json empty = json::object();
  const auto& found = value(key);
  if (found.is_null()) return {empty, name_of(key)};
  if (!found.is_object()) throw wrong_type(name_of(key), "an object", found);
  return {found, name_of(key)};
}

std::vector<Fields> Fields::objects(const char* key, std::size_t most) const {
  const auto& found = value(key);
  std::size_t index = 0;
  return read_list(name_of(key), "a list of objects", found, most, [&](const json& item) {
    return item.is_object()
               ? std::optional<Fields>(std::in_place, item, fmt::format("item {} of {}", index++, name_of(key)))
               : std::nullopt;
  });
}

void Fields::pass_over(std::initializer_list<const char*> keys) const {
  for (const char* key : keys) (void)value(key);
}

void Fields::refuse_others() const {
  if (!object_.is_object()) return;
  for (const auto& [key, value] : object_.items()) {
    if (value.is_null() || std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    throw invalid_argument(fmt::format("{} is not known in {}, which may have: {}", detail::in_quotes(key), within_,
                                       fmt::join(known_, ", ")));
  }
}

}  // namespace bgem3::server
