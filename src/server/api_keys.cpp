#include "server/api_keys.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "bgem3/error.h"

namespace bgem3::server {
namespace {

constexpr std::string_view scheme = "bearer ";  // its name in any case of letters
constexpr const char* variable = "BGEM3_API_KEYS";

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

// Lines that begin with '#', and the mark that some editors put before everything.
std::string without_comments(std::string text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  std::istringstream stream(text);
  std::string kept;
  for (std::string line; std::getline(stream, line);) {
    if (!trim(line).starts_with('#')) kept += line + '\n';
  }
  return kept;
}

}  // namespace

ApiKeys ApiKeys::load(const std::string& file) {
  ApiKeys keys;
  const auto add_all = [&keys](const std::string& text, char separator) {
    std::istringstream stream(text);
    for (std::string key; std::getline(stream, key, separator);) keys.add(trim(key));
  };
  if (!file.empty()) {
    add_all(without_comments(read(file)), '\n');
    if (keys.size() == 0) throw Error(ErrorCode::invalid_argument, fmt::format("'{}' has no keys, one a line", file));
  }
  if (const char* listed = std::getenv(variable)) {
    const std::size_t before = keys.size();
    add_all(listed, ',');
    // A secret that came out empty must not open the server to all.
    if (keys.size() == before) {
      throw Error(ErrorCode::invalid_argument, fmt::format("{} is set, but has no keys", variable));
    }
  }
  return keys;
}

bool ApiKeys::are_given(const std::string& file) { return !file.empty() || std::getenv(variable) != nullptr; }

bool ApiKeys::allow(std::string_view authorization) const {
  if (hashes_.empty()) return true;
  const std::string_view given_scheme = authorization.substr(0, scheme.size());
  const auto same = [](char given, char wanted) { return std::tolower(static_cast<unsigned char>(given)) == wanted; };
  if (!std::equal(given_scheme.begin(), given_scheme.end(), scheme.begin(), scheme.end(), same)) return false;
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
