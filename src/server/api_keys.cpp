#include "server/api_keys.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/file_or_pipe.h"

namespace bgem3::server {
namespace {

using detail::in_quotes;

constexpr std::string_view scheme = "bearer ";  // its name in any case of letters
constexpr const char* variable = "BGEM3_API_KEYS";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
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

// The KEY of "Bearer KEY"; empty for anything else.
std::string_view bearer_of(std::string_view authorization) {
  const std::string_view given = authorization.substr(0, scheme.size());
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  if (!std::equal(given.begin(), given.end(), scheme.begin(), scheme.end(), same)) return {};
  return authorization.substr(scheme.size());
}

}  // namespace

ApiKeys ApiKeys::parse(const std::string& text) {
  ApiKeys keys;
  keys.add_all(without_comments(text), '\n');
  return keys;
}

ApiKeys ApiKeys::load(const std::string& file) {
  constexpr std::size_t bytes_max = 1 << 20;  // ten thousand keys and more
  ApiKeys keys;
  if (!file.empty()) {
    keys = parse(read_file_or_pipe(file, bytes_max));
    if (keys.size() == 0)
      throw Error(ErrorCode::invalid_argument, fmt::format("{} has no keys, one a line", in_quotes(file)));
  }
  if (const char* listed = std::getenv(variable)) {
    const std::size_t before = keys.size();
    keys.add_all(listed, ',');
    // A secret that came out empty must not open the server to all.
    if (keys.size() == before) {
      throw Error(ErrorCode::invalid_argument, fmt::format("{} is set, but has no keys", variable));
    }
  }
  return keys;
}

bool ApiKeys::are_given(const std::string& file) { return !file.empty() || std::getenv(variable) != nullptr; }

bool ApiKeys::allow(const Request& head) const {
  if (hashes_.empty()) return true;
  const std::string_view bearer = bearer_of(head.header("Authorization"));
  bool found = false;
  for (const auto key : {bearer, head.header("api-key"), head.header("x-api-key")}) found |= has(key);
  return found;
}

bool ApiKeys::has(std::string_view key) const {
  const Hash given = hash(trim(key));
  bool found = false;
  for (const auto& known : hashes_) found |= CRYPTO_memcmp(known.data(), given.data(), known.size()) == 0;
  return found;
}

void ApiKeys::add_all(const std::string& text, char separator) {
  std::istringstream stream(text);
  for (std::string key; std::getline(stream, key, separator);) add(trim(key));
}

void ApiKeys::add(std::string_view key) {
  // No header can have it, so nobody could ever use the key. UTF-16 looks like that.
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(key.begin(), key.end(), is_control)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("key {} has a control character; expected text in UTF-8", hashes_.size() + 1));
  }
  if (!key.empty()) hashes_.push_back(hash(key));
}

ApiKeys::Hash ApiKeys::hash(std::string_view key) {
  Hash result{};
  EVP_Digest(key.data(), key.size(), result.data(), nullptr, EVP_sha256(), nullptr);
  return result;
}

}  // namespace bgem3::server
