#include "text/surrogates.h"

#include <charconv>
#include <cstddef>

namespace bgem3 {
namespace {

constexpr std::string_view replacement = "\\ufffd";
constexpr std::size_t escape_bytes = replacement.size();

constexpr bool is_high(unsigned unit) noexcept { return (unit & 0xfc00U) == 0xd800U; }
constexpr bool is_low(unsigned unit) noexcept { return (unit & 0xfc00U) == 0xdc00U; }

// The half of a pair that an escape at `at` stands for; 0 for anything else.
unsigned surrogate_at(std::string_view json, std::size_t at) noexcept {
  if (at + escape_bytes > json.size() || json[at] != '\\' || json[at + 1] != 'u') return 0;
  if ((json[at + 2] | 0x20) != 'd') return 0;  // most escapes: of scripts, such as Chinese
  unsigned unit = 0;
  const char* const digits = json.data() + at + 2;
  const char* const end = json.data() + at + escape_bytes;
  const bool is_number = std::from_chars(digits, end, unit, 16).ptr == end;
  return is_number && (is_high(unit) || is_low(unit)) ? unit : 0;
}

// Where the first half without its other one is, from `at` on.
std::size_t find_lone(std::string_view json, std::size_t at) noexcept {
  while ((at = json.find('\\', at)) != std::string_view::npos) {
    const unsigned unit = surrogate_at(json, at);
    if (unit == 0) {
      at += 2;  // with what is escaped, which may be another backslash
    } else if (is_high(unit) && is_low(surrogate_at(json, at + escape_bytes))) {
      at += 2 * escape_bytes;
    } else {
      return at;
    }
  }
  return at;
}

}  // namespace

MendedJson::MendedJson(std::string_view json) : text_(json) {
  std::size_t at = find_lone(json, 0);
  if (at == std::string_view::npos) return;
  copy_ = json;
  for (; at != std::string_view::npos; at = find_lone(json, at + escape_bytes)) {
    copy_.replace(at, escape_bytes, replacement);
  }
  text_ = copy_;
}

}  // namespace bgem3
