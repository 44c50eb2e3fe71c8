#include "text/utf8.h"

#include <cstring>

namespace bgem3::utf8 {
namespace {

// Well-formed sequences by their lead byte: how many bytes, and what the second may be (Unicode, table 3-7).
struct Form {
  std::size_t size;  // 0: no lead byte
  unsigned char second_min, second_max;
};

constexpr Form form_of(unsigned char lead) noexcept {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xc2) return {0, 0, 0};
  if (lead < 0xe0) return {2, 0x80, 0xbf};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};
  if (lead == 0xed) return {3, 0x80, 0x9f};  // no surrogates
  if (lead < 0xf0) return {3, 0x80, 0xbf};
  if (lead == 0xf0) return {4, 0x90, 0xbf};
  if (lead < 0xf4) return {4, 0x80, 0xbf};
  if (lead == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

// Eight ASCII bytes at a time: most text is ASCII.
std::size_t skip_ascii(std::string_view text, std::size_t at) noexcept {
  std::uint64_t word = 0;
  while (at + sizeof word <= text.size()) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
    at += sizeof word;
  }
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0x80U) == 0) ++at;
  return at;
}

// Bytes of the character at `at`; 0 when there is no whole one. Frequent forms that need no look at a table come first.
std::size_t character_size(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t left = text.size() - at;
  if (lead >= 0xc2 && lead < 0xe0 && left >= 2 && is_tail(text[at + 1])) return 2;
  const bool is_three = lead > 0xe0 && lead < 0xf0 && lead != 0xed && left >= 3;
  if (is_three && is_tail(text[at + 1]) && is_tail(text[at + 2])) return 3;
  const Part part = next_part(text, at);
  return part.is_character ? part.size : 0;
}

}  // namespace

Part next_part(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Form form = form_of(byte(at));
  if (form.size <= 1) return {1, form.size == 1};
  for (std::size_t i = 1; i < form.size; ++i) {
    const unsigned char low = i == 1 ? form.second_min : 0x80;
    const unsigned char high = i == 1 ? form.second_max : 0xbf;
    if (at + i >= text.size() || byte(at + i) < low || byte(at + i) > high) return {i, false};
  }
  return {form.size, true};
}

std::size_t valid_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (true) {
    at = skip_ascii(text, at);
    // Other scripts come in words.
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0x80U) != 0) {
      const std::size_t size = character_size(text, at);
      if (size == 0) return at;
      at += size;
    }
    if (at == text.size()) return at;
  }
}

std::string repair(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    const Part part = next_part(text, at);
    repaired += part.is_character ? text.substr(at, part.size) : std::string_view("\xef\xbf\xbd");
    at += part.size;
  }
  return repaired;
}

bool is_white_space(std::uint32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace bgem3::utf8
