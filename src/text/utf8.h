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

/// Whether a byte is within a character, after its first.
constexpr bool is_tail(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

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

/// Writes the character and returns its bytes, at most 4.
constexpr std::size_t encode(std::uint32_t code_point, char* out) noexcept {
  const auto tail = [code_point](unsigned shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) {
    out[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    out[0] = static_cast<char>(0xc0 | code_point >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (code_point < 0x10000) {
    out[0] = static_cast<char>(0xe0 | code_point >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | code_point >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

/// Bytes that belong together: a character, or a maximal ill-formed part (Unicode, section 3.9).
struct Part {
  std::size_t size;
  bool is_character;
};

/// The part of `text` that begins at byte `at`, which lies in it.
Part next_part(std::string_view text, std::size_t at) noexcept;

/// How far `text` is valid UTF-8: text.size() when all of it is.
std::size_t valid_prefix(std::string_view text) noexcept;

/// `text` with each maximal ill-formed part replaced by U+FFFD, as the Unicode
/// standard recommends (section 3.9) and Python's errors="replace" does.
std::string repair(std::string_view text);

/// Unicode White_Space.
bool is_white_space(std::uint32_t code_point) noexcept;

}  // namespace bgem3::utf8
