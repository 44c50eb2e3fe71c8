#include "bgem3/families/config_file.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/json_object.h"

namespace bgem3 {
namespace {

using Json = nlohmann::json;

constexpr std::size_t entries_max = 10'000;

// Null where the list is.
Json list_at(const detail::JsonObject& file, const std::string& key, const char* what, bool (*is_entry)(const Json&)) {
  Json value = file.value(key);
  const bool is_list = value.is_array() && value.size() <= entries_max && std::ranges::all_of(value, is_entry);
  if (value.is_null() || is_list) return value;
  throw file.bad(fmt::format("'{}' should be a list of at most {} {}, found {}", key, entries_max, what,
                             detail::JsonObject::brief(value)));
}

}  // namespace

struct ConfigFile::Nested {
  explicit Nested(detail::JsonObject found) : file(std::move(found)), view(file) {}

  const detail::JsonObject file;
  const ConfigFile view;
};

ConfigFile::ConfigFile(const detail::JsonObject& file) : file_(file) {}

ConfigFile::~ConfigFile() = default;

bool ConfigFile::has(const std::string& key) const { return !file_.value(key).is_null(); }

std::int64_t ConfigFile::required_integer(const std::string& key, std::int64_t least) const {
  if (!file_.has(key)) throw bad(fmt::format("has no '{}'", key));
  return file_.integer(key, 0, least);
}

std::int64_t ConfigFile::integer(const std::string& key, std::int64_t fallback, std::int64_t least) const {
  return file_.integer(key, fallback, least);
}

double ConfigFile::number(const std::string& key, double fallback) const {
  return file_.get<double>(key).value_or(fallback);
}

std::string ConfigFile::text(const std::string& key, const std::string& fallback) const {
  return file_.get<std::string>(key).value_or(fallback);
}

bool ConfigFile::flag(const std::string& key, bool fallback) const { return file_.get<bool>(key).value_or(fallback); }

std::optional<std::vector<std::int64_t>> ConfigFile::integers(const std::string& key, std::int64_t least) const {
  const Json list = list_at(file_, key, "whole numbers", [](const Json& entry) { return entry.is_number_integer(); });
  if (list.is_null()) return std::nullopt;
  std::vector<std::int64_t> numbers;
  numbers.reserve(list.size());
  for (const auto& entry : list) numbers.push_back(file_.whole_number(key, entry, least));
  return numbers;
}

std::optional<std::vector<std::string>> ConfigFile::texts(const std::string& key) const {
  const Json list = list_at(file_, key, "texts", [](const Json& entry) { return entry.is_string(); });
  return list.is_null() ? std::nullopt : std::optional(list.get<std::vector<std::string>>());
}

const ConfigFile& ConfigFile::object(const std::string& key) const {
  auto found = objects_.find(key);
  if (found == objects_.end()) found = objects_.emplace(key, std::make_unique<const Nested>(file_.object(key))).first;
  return found->second->view;
}

void ConfigFile::refuse_others() const {
  constexpr std::array<std::string_view, 0> none = {};
  for (const auto& [key, object] : objects_) {
    object->file.refuse_others(none);
    object->view.refuse_others();
  }
}

void ConfigFile::expect(const std::string& key, const char* only) const { file_.expect(key, only); }

void ConfigFile::expect(const std::string& key, bool only) const { file_.expect(key, only); }

void ConfigFile::ignore(const std::string& key) const { (void)file_.has(key); }

std::string ConfigFile::place(const std::string& key) const { return file_.place(key); }

Error ConfigFile::bad(const std::string& what) const { return file_.bad(what); }

}  // namespace bgem3
