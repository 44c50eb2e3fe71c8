#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace bgem3 {

/// What matters of a character for the borders of grapheme clusters (Unicode 17, annex 29).
enum class GraphemeClass : std::uint8_t {
  other,
  carriage_return,
  line_feed,
  control,
  extend,      ///< marks that extend what stands before; the next three are such too
  linker,      ///< virama of the scripts with conjuncts
  joiner,      ///< U+200D
  non_joiner,  ///< U+200C
  spacing_mark,
  prepend,
  regional_indicator,
  hangul_l,
  hangul_v,
  hangul_t,
  hangul_lv,
  hangul_lvt,
  pictographic,
  consonant,  ///< of the scripts with conjuncts
};

namespace detail {

struct GraphemeRange {
  std::uint32_t first, last;
  GraphemeClass of;
};

inline constexpr GraphemeRange grapheme_ranges[] = {
#include "tokenizer/normalizers/grapheme_ranges.inc"
};

constexpr bool is_mark(GraphemeClass of) noexcept {
  return of >= GraphemeClass::extend && of <= GraphemeClass::non_joiner;
}

}  // namespace detail

inline GraphemeClass grapheme_class(std::uint32_t code_point) noexcept {
  constexpr std::uint32_t syllables_begin = 0xac00;
  constexpr std::uint32_t syllables_end = 0xd7a4;
  constexpr std::uint32_t syllables_per_vowel = 28;
  if (code_point >= syllables_begin && code_point < syllables_end) {
    const bool is_open = (code_point - syllables_begin) % syllables_per_vowel == 0;
    return is_open ? GraphemeClass::hangul_lv : GraphemeClass::hangul_lvt;
  }
  const auto* const end = std::end(detail::grapheme_ranges);
  const auto* range = std::lower_bound(std::begin(detail::grapheme_ranges), end, code_point,
                                       [](const detail::GraphemeRange& r, std::uint32_t c) { return r.last < c; });
  return range != end && range->first <= code_point ? range->of : GraphemeClass::other;
}

/// Whether a character can belong to the cluster of the one before it, whatever that is.
constexpr bool reaches_back(GraphemeClass of) noexcept {
  return (of >= GraphemeClass::extend && of <= GraphemeClass::spacing_mark) || of == GraphemeClass::hangul_v ||
         of == GraphemeClass::hangul_t;
}

/// Whether a character can draw one that does not reach back into its cluster.
constexpr bool reaches_ahead(GraphemeClass of) noexcept {
  return of == GraphemeClass::prepend || of == GraphemeClass::hangul_l || of == GraphemeClass::regional_indicator ||
         of == GraphemeClass::carriage_return;
}

/// Follows one grapheme cluster from its first character on.
///
/// Our own, and with a fixed version of Unicode, because ids depend on it: the utf8proc of Debian 12 has the data of
/// Unicode 15 and lacks the rule for Indic conjuncts, so some texts would get other ids than Hugging Face gives.
class GraphemeCluster {
 public:
  explicit GraphemeCluster(GraphemeClass first) noexcept { add(first); }

  /// Takes the next character. False when a new cluster begins with it; the object is then spent.
  [[nodiscard]] bool extend(GraphemeClass next) noexcept {
    if (!is_joined(next)) return false;
    add(next);
    return true;
  }

 private:
  [[nodiscard]] bool is_joined(GraphemeClass next) const noexcept;
  void add(GraphemeClass next) noexcept;

  enum class Emoji : std::uint8_t { none, pictographic, joined };
  enum class Conjunct : std::uint8_t { none, consonant, linked };

  GraphemeClass last_ = GraphemeClass::other;
  Emoji emoji_ = Emoji::none;           // a pictograph and marks; then a joiner as well
  Conjunct conjunct_ = Conjunct::none;  // a consonant and marks; a linker is among them
  bool is_flag_open_ = false;           // an odd number of regional indicators
};

// The rules GB3 to GB13 of annex 29, in its order.
inline bool GraphemeCluster::is_joined(GraphemeClass next) const noexcept {
  using enum GraphemeClass;
  if (next == line_feed) return last_ == carriage_return;
  if (next == control || next == carriage_return) return false;
  if (last_ == control || last_ == carriage_return || last_ == line_feed) return false;
  switch (next) {
    case hangul_l:
    case hangul_lv:
    case hangul_lvt:
      if (last_ == hangul_l) return true;
      break;
    case hangul_v: return last_ == hangul_l || last_ == hangul_v || last_ == hangul_lv || last_ == prepend;
    case hangul_t:
      return last_ == hangul_v || last_ == hangul_lv || last_ == hangul_t || last_ == hangul_lvt || last_ == prepend;
    case spacing_mark: return true;
    case consonant:
      if (conjunct_ == Conjunct::linked) return true;
      break;
    case pictographic:
      if (emoji_ == Emoji::joined) return true;
      break;
    case regional_indicator:
      if (is_flag_open_) return true;
      break;
    default: break;
  }
  return detail::is_mark(next) || last_ == prepend;
}

inline void GraphemeCluster::add(GraphemeClass next) noexcept {
  using enum GraphemeClass;
  if (next == pictographic) {
    emoji_ = Emoji::pictographic;
  } else if (next == joiner && emoji_ == Emoji::pictographic) {
    emoji_ = Emoji::joined;
  } else if (!detail::is_mark(next) || next == joiner || emoji_ == Emoji::joined) {
    emoji_ = Emoji::none;
  }
  if (next == consonant) {
    conjunct_ = Conjunct::consonant;
  } else if (next == linker && conjunct_ == Conjunct::consonant) {
    conjunct_ = Conjunct::linked;
  } else if (!detail::is_mark(next) || next == non_joiner) {
    conjunct_ = Conjunct::none;
  }
  is_flag_open_ = next == regional_indicator && !is_flag_open_;
  last_ = next;
}

}  // namespace bgem3
