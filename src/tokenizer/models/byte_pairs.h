#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/models/token_model.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// Joins the bytes of a word to pieces, each time the pair that comes first in a list of merges, of equal pairs the
/// leftmost. Source: tokenizers, BPE after ByteLevel.
class BytePairs final : public TokenModel {
 public:
  /// Two pieces that make a third.
  struct Merge {
    std::string left, right;
  };

  /// @throws Error bad_model for a vocabulary without a piece for each byte, or without one that a merge takes or makes
  BytePairs(const PieceTable& pieces, const std::vector<Merge>& merges);

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

  void segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
               std::vector<std::size_t>* ends) const override;

 private:
  // Of a pair of ids: where it stands among the merges, and the id that it makes.
  struct Rule {
    std::uint64_t pair = no_pair;
    std::uint32_t rank = 0;
    std::int32_t id = 0;
  };
  // A piece of the word, in a list of those that are left, and its merge with the one after it.
  struct Symbol {
    std::int32_t id;
    std::uint32_t size;  // in bytes; 0: joined to the one before it
    std::uint32_t before, after;
    std::uint32_t rank = none;  // none: there is no such merge
    std::int32_t joined = 0;    // its id
  };
  using Symbols = std::vector<Symbol>;
  struct Memory;

  static constexpr std::uint64_t no_pair = ~std::uint64_t{0};
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  static std::uint64_t pair_of(std::int32_t left, std::int32_t right) noexcept;
  [[nodiscard]] std::size_t slot_of(std::uint64_t pair) const noexcept;
  void add(const Rule& rule) { rules_[slot_of(rule.pair)] = rule; }
  void find_merge(std::uint32_t place, Symbols& symbols) const noexcept;
  void join(std::uint32_t place, Symbols& symbols) const noexcept;
  void join_by_scan(Symbols& symbols) const noexcept;
  void join_by_heap(Memory& memory) const;

  std::array<std::int32_t, 256> bytes_{};  // ids
  std::vector<Rule> rules_;                // by hash of the pair; a power of two of them, half of them empty or more
};

/// Checks the options in a BPE model of tokenizer.json.
/// @throws Error bad_model for one that would change ids
void check_byte_pairs(const detail::JsonObject& component);

}  // namespace bgem3
