#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace bgem3::detail {

/// A score as Hugging Face's own reader of tokenizer.json gets it: the digits as one integer, divided by a power of
/// ten, each rounded to double. That is up to one unit in the last place off for a quarter of XLM-R's scores, and
/// decides which of two equally good segmentations wins.
inline double as_read_from_json(double score) {
  std::array<char, 32> text{};  // the shortest decimal number for the score, as files have it: -d.ddde-xx
  const auto* const end =
      std::to_chars(text.data(), text.data() + text.size(), std::abs(score), std::chars_format::scientific).ptr;
  std::uint64_t digits = 0;
  int exponent = 0;
  int decimals = 0;
  bool after_point = false;
  for (const char* at = text.data(); at != end; ++at) {
    if (*at == 'e') {
      std::from_chars(at[1] == '+' ? at + 2 : at + 1, end, exponent);
      break;
    }
    after_point |= *at == '.';
    if (*at == '.') continue;
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    if (after_point) ++decimals;
  }
  exponent -= decimals;
  const double power = std::pow(10.0, std::abs(exponent));
  const auto whole = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? whole / power : whole * power, score);
}

}  // namespace bgem3::detail
