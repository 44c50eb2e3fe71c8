#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace bgem3 {

/// A trie over byte strings in one flat array, built once from all keys.
///
/// The child of a unit by byte c is units[base ^ c], and it is one exactly if its label is c, because no two units
/// share a base; the value of a key lies at units[base]. Four bytes for each unit keep most of the 250,000 pieces of
/// XLM-R in the second-level cache.
class DoubleArray {
 public:
  using Key = std::pair<std::string_view,
                        std::uint32_t>;  ///< bytes without NUL, value below 2^31

  /// @param keys  sorted by bytes, each once, none empty or with a NUL byte
  /// @throws Error bad_model when they need more than 4 M units
  static DoubleArray build(const std::vector<Key>& keys);

  /// Where a walk stands.
  struct Cursor {
    std::uint32_t base = 0;
    bool has_value = false;  ///< a key ends here
  };

  [[nodiscard]] Cursor root() const noexcept { return {base_of(units_[0]), false}; }

  /// Follows one byte. False when no key goes on with it; the cursor is then spent.
  [[nodiscard]] bool step(Cursor& cursor, unsigned char byte) const noexcept {
    const std::uint32_t unit = units_[cursor.base ^ byte];
    if ((unit & (no_child | label_mask)) != byte) return false;
    cursor = {base_of(unit), (unit & value_flag) != 0};
    return true;
  }

  /// The value of the key that ends at the cursor.
  [[nodiscard]] std::uint32_t value(const Cursor& cursor) const noexcept { return units_[cursor.base] & ~no_child; }

 private:
  friend class DoubleArrayBuilder;

  // A unit: bits 0-7 label, 8 a key ends here, 9-30 base; bit 31 marks a value
  // or an empty unit, which is nobody's child.
  static constexpr std::uint32_t label_mask = 0xff;
  static constexpr std::uint32_t value_flag = 0x100;
  static constexpr unsigned base_shift = 9;
  static constexpr std::uint32_t no_child = 1U << 31;

  static std::uint32_t base_of(std::uint32_t unit) noexcept { return (unit & ~no_child) >> base_shift; }

  std::vector<std::uint32_t> units_;
};

}  // namespace bgem3
