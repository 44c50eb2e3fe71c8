#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "text/utf8.h"

namespace bgem3 {
namespace detail {

struct WordRange {
  std::uint32_t first, last;
};

inline constexpr WordRange word_ranges[] = {
#include "tokenizer/word_ranges.inc"
};

}  // namespace detail

/// Whether words consist of it: letters, marks, decimal digits, connectors such as "_" (Unicode 16, `\w`).
inline bool is_word_character(std::uint32_t code_point) noexcept {
  const auto* const end = std::end(detail::word_ranges);
  const auto* range = std::lower_bound(std::begin(detail::word_ranges), end, code_point,
                                       [](const detail::WordRange& r, std::uint32_t c) { return r.last < c; });
  return range != end && range->first <= code_point;
}

/// Whether `text`, valid UTF-8, begins with such a character.
inline bool starts_with_word(std::string_view text) noexcept {
  if (text.empty()) return false;
  return is_word_character(utf8::decode(text.data(), utf8::length(static_cast<unsigned char>(text.front()))));
}

/// Likewise at its end.
inline bool ends_with_word(std::string_view text) noexcept {
  if (text.empty()) return false;
  std::size_t last = text.size() - 1;
  while (last > 0 && utf8::is_tail(text[last])) --last;
  return starts_with_word(text.substr(last));
}

}  // namespace bgem3
