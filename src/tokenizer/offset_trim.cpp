#include "tokenizer/offset_trim.h"

#include <algorithm>

#include "text/utf8.h"
#include "text/white_space.h"

namespace bgem3 {
namespace {

constexpr std::string_view byte_space = "Ġ";  // as ByteAlphabet writes a space

std::size_t leading_spaces(std::string_view piece) noexcept {
  std::size_t count = 0;
  for (; !piece.empty(); ++count) {
    const std::size_t size = piece.starts_with(byte_space) ? byte_space.size() : leading_space(piece);
    if (size == 0) break;
    piece.remove_prefix(size);
  }
  return count;
}

std::size_t trailing_spaces(std::string_view piece) noexcept {
  std::size_t count = 0;
  for (; !piece.empty(); ++count) {
    std::size_t last = piece.size() - 1;
    while (last > 0 && utf8::is_tail(piece[last])) --last;
    if (leading_spaces(piece.substr(last)) == 0) break;
    piece = piece.substr(0, last);
  }
  return count;
}

// The place `count` characters after `at`, or before it; not beyond the ends of the text.
std::size_t go_forward(std::string_view text, std::size_t at, std::size_t count) noexcept {
  for (; count > 0 && at < text.size(); --count) at += utf8::length(static_cast<unsigned char>(text[at]));
  return at;
}

std::size_t go_back(std::string_view text, std::size_t at, std::size_t count) noexcept {
  for (; count > 0 && at > 0; --count) {
    do --at;
    while (at > 0 && utf8::is_tail(text[at]));
  }
  return at;
}

}  // namespace

void trim_offsets(const OffsetTrim& trim, std::string_view text, const PieceTable& pieces, const TokenTemplate& special,
                  TokensWithOffsets& tokens) {
  const std::size_t first = special.before.size();
  const std::size_t end = tokens.ids.size() - special.after.size();
  for (std::size_t i = first; i < end; ++i) {
    const auto piece = pieces[static_cast<std::size_t>(tokens.ids[i])];
    auto& place = tokens.offsets[i];
    std::size_t leading = leading_spaces(piece);
    const bool is_first = i == first || place.begin == 0;
    if (leading == 1 && is_first && trim.keeps_first) leading = 0;
    place.begin = std::min(go_forward(text, place.begin, leading), place.end);
    place.end = std::max(go_back(text, place.end, trailing_spaces(piece)), place.begin);
  }
}

}  // namespace bgem3
