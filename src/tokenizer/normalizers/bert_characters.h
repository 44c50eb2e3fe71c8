#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

/// Characters as the BERT steps of tokenizers see them. Their Unicode tables are of several versions, so a library with
/// one version gives other ids on a text in twenty.
namespace bgem3::detail {

struct CodeRange {
  std::uint32_t first, last;
};

/// What canonical decomposition leaves of a character without its marks; 0 after the last part.
struct Decomposition {
  std::uint32_t first;
  std::uint32_t parts[3];
};

/// Characters with a canonical combining class other than 0.
struct Nonstarters {
  std::uint32_t first, last;
  std::uint8_t rank;
};

/// Every `step`th character from `first` to `last` has its small letter at `distance`.
struct LetterRange {
  std::uint32_t first, last, step;
  std::int32_t distance;
};

#include "tokenizer/normalizers/bert_characters.inc"

/// The entry of a sorted table that holds a code point; null where none does.
template <typename Range, std::size_t size>
const Range* find_range(const Range (&table)[size], std::uint32_t code) noexcept {
  const auto* found =
      std::lower_bound(std::begin(table), std::end(table), code, [](const Range& range, std::uint32_t wanted) {
        if constexpr (requires { range.last; }) {
          return range.last < wanted;
        } else {
          return range.first < wanted;
        }
      });
  return found != std::end(table) && found->first <= code ? found : nullptr;
}

}  // namespace bgem3::detail
