// Any bytes as the file of keys of a server.

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "fuzz/ignore_errors.h"
#include "server/api_keys.h"

namespace {

using bgem3::server::ApiKeys;
using bgem3::server::Request;

std::string trim(const std::string& line) {
  constexpr const char* white_space = " \t\r";
  const auto begin = line.find_first_not_of(white_space);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(white_space) - begin + 1);
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

Request with(const char* header, const std::string& value) {
  Request head;
  head.headers.emplace_back(header, value);
  return head;
}

bool allow_in_each(const ApiKeys& keys, const std::string& key) {
  return keys.allow(with("Authorization", "Bearer " + key)) && keys.allow(with("api-key", key)) &&
         keys.allow(with("x-api-key", key));
}

bool allow_in_any(const ApiKeys& keys, const std::string& key) {
  return keys.allow(with("Authorization", "Bearer " + key)) || keys.allow(with("api-key", key)) ||
         keys.allow(with("x-api-key", key));
}

// Each line that is no comment lets its sender in, and nothing else does.
void check(const ApiKeys& keys, std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string key = trim(line);
    if (key.empty() || key.starts_with('#')) continue;
    ++count;
    for (const unsigned char c : key) {
      if (is_control(c)) std::abort();  // it was to be refused
    }
    if (!allow_in_each(keys, key)) std::abort();
  }
  if (keys.size() != count) std::abort();
  if (count > 0 && (keys.allow({}) || allow_in_any(keys, "") || allow_in_any(keys, "#"))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  return bgem3::fuzz::ignore_errors([&] { check(ApiKeys::parse(text), text); });
}
