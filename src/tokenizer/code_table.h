#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include "text/utf8.h"

namespace bgem3::detail {

/// Code points that follow each other.
struct CodeRange {
  std::uint32_t first, last;
};

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

/// The kinds of characters, as a function tells them that need not be fast.
template <typename Kind>
class CodeTable {
 public:
  struct Character {
    Kind kind;
    std::size_t size;  ///< in bytes
  };

  explicit CodeTable(Kind (*find)(std::uint32_t code)) : find_(find), kinds_(table_size) {
    for (std::uint32_t code = 0; code < table_size; ++code) kinds_[code] = find(code);
  }

  /// The character of `text`, valid UTF-8, that begins at `at`.
  [[nodiscard]] Character at(std::string_view text, std::size_t at) const noexcept {
    const std::size_t size = utf8::length(static_cast<unsigned char>(text[at]));
    const std::uint32_t code = utf8::decode(text.data() + at, size);
    return {code < table_size ? kinds_[code] : find_(code), size};
  }

 private:
  static constexpr std::uint32_t table_size = 0x10000;  // the basic multilingual plane

  Kind (*find_)(std::uint32_t code);
  std::vector<Kind> kinds_;
};

}  // namespace bgem3::detail
