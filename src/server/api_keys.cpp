#include "server/api_keys.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "bgem3/error.h"

namespace bgem3::server {
namespace {

constexpr std::string_view scheme = "Bearer ";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string read(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw Error(ErrorCode::io_error, fmt::format("cannot read keys from '{}'", file));
  return text.str();
}

}  // namespace

ApiKeys ApiKeys::load(const std::string& file) {
  ApiKeys keys;
  const auto add_all = [&keys](const std::string& text, char separator) {
    std::istringstream stream(text);
    for (std::string key; std::getline(stream, key, separator);) keys.add(trim(key));
  };
  if (!file.empty()) {
    add_all(read(file), '\n');
    if (keys.size() == 0) throw Error(ErrorCode::invalid_argument, fmt::format("'{}' has no keys, one a line", file));
  }
  if (const char* listed = std::getenv("BGEM3_API_KEYS")) add_all(listed, ',');
  return keys;
}

bool ApiKeys::allow(std::string_view authorization) const {
  if (hashes_.empty()) return true;
  if (!authorization.starts_with(scheme)) return false;
  const Hash given = hash(trim(authorization.substr(scheme.size())));
  bool found = false;
  for (const auto& known : hashes_) found |= CRYPTO_memcmp(known.data(), given.data(), known.size()) == 0;
  return found;
}

void ApiKeys::add(std::string_view key) {
  if (!key.empty()) hashes_.push_back(hash(key));
}

ApiKeys::Hash ApiKeys::hash(std::string_view key) {
  Hash result{};
  EVP_Digest(key.data(), key.size(), result.data(), nullptr, EVP_sha256(), nullptr);
  return result;
}

}  // namespace bgem3::server
