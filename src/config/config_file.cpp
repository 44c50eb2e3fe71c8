#include "bgem3/families/config_file.h"

#include <fmt/format.h>

#include "config/json_object.h"

namespace bgem3 {

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

void ConfigFile::expect(const std::string& key, const char* only) const { file_.expect(key, only); }

void ConfigFile::expect(const std::string& key, bool only) const { file_.expect(key, only); }

void ConfigFile::ignore(const std::string& key) const { (void)file_.has(key); }

std::string ConfigFile::place(const std::string& key) const { return file_.place(key); }

Error ConfigFile::bad(const std::string& what) const { return file_.bad(what); }

}  // namespace bgem3
