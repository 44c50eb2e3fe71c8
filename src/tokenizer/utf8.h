#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bgem3::utf8 {

/// Bytes of the character that `lead` begins; the text must be valid.
constexpr std::size_t length(unsigned char lead) noexcept {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// The code point of a valid character of `size` bytes.
constexpr std::uint32_t decode(const char* text, std::size_t size) noexcept {
  const auto byte = [text](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  switch (size) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  }
}

/// How far `text` is valid UTF-8: text.size() when all of it is.
std::size_t valid_prefix(std::string_view text) noexcept;

/// `text` with each maximal ill-formed part replaced by U+FFFD, as the Unicode standard recommends (section 3.9) and
/// Python's errors="replace" does.
std::string repair(std::string_view text);

/// Unicode White_Space.
bool is_white_space(std::uint32_t code_point) noexcept;

}  // namespace bgem3::utf8
