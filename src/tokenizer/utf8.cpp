#include "tokenizer/utf8.h"

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

// How many bytes from `at` belong together, and whether they are a whole character.
struct Piece {
  std::size_t size;
  bool is_whole;
};

Piece next_piece(std::string_view text, std::size_t at) noexcept {
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

// Eight ASCII bytes at a time: most text is ASCII.
std::size_t skip_ascii(std::string_view text, std::size_t at) noexcept {
  std::uint64_t word = 0;
  while (at + sizeof word <= text.size()) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
    at += sizeof word;
  }
  return at;
}

}  // namespace

std::size_t valid_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (true) {
    at = skip_ascii(text, at);
    if (at == text.size()) return at;
    const Piece piece = next_piece(text, at);
    if (!piece.is_whole) return at;
    at += piece.size;
  }
}

std::string repair(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    const Piece piece = next_piece(text, at);
    repaired += piece.is_whole ? text.substr(at, piece.size) : std::string_view("\xef\xbf\xbd");
    at += piece.size;
  }
  return repaired;
}

bool is_white_space(std::uint32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace bgem3::utf8
