#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace bgem3::fuzz {

/// What a handler should learn of a request.
struct PlainRequest {
  std::string method;
  std::string path;
  std::string body;

  bool operator==(const PlainRequest&) const = default;
};

inline bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The handler of the harness refuses these by their head.
inline bool is_unwelcome(std::string_view path) { return path.starts_with("/no"); }

}  // namespace bgem3::fuzz
