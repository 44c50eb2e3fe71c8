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

std::string trim(const std::string& line) {
  constexpr const char* white_space = " \t\r";
  const auto begin = line.find_first_not_of(white_space);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(white_space) - begin + 1);
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

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
    if (!keys.allow("Bearer " + key)) std::abort();
  }
  if (keys.size() != count) std::abort();
  if (count > 0 && (keys.allow("") || keys.allow("Bearer ") || keys.allow("Bearer #"))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  return bgem3::fuzz::ignore_errors([&] { check(ApiKeys::parse(text), text); });
}
