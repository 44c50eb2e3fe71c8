#include "tokenizer/models/byte_pairs.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/component_json.h"

namespace bgem3 {
namespace {

using detail::in_quotes;
using Ids = std::unordered_map<std::string_view, std::int32_t>;

Ids ids_of(const PieceTable& pieces) {
  Ids ids;
  ids.reserve(pieces.size());
  for (std::size_t id = 0; id < pieces.size(); ++id) ids[pieces[id]] = static_cast<std::int32_t>(id);
  return ids;
}

}  // namespace

struct BytePairs::Memory final : Scratch {
  Symbols symbols;
  // A heap of merges, the next one at its top: the rank, and the place of the left symbol. Merges stay in it when a
  // symbol has been joined to another one, and are passed over then.
  std::vector<std::uint64_t> merges;
};

std::unique_ptr<TokenModel::Scratch> BytePairs::make_scratch() const { return std::make_unique<Memory>(); }

BytePairs::BytePairs(const PieceTable& pieces, const std::vector<Merge>& merges)
    : rules_(std::bit_ceil(2 * merges.size() + 1)) {
  const Ids ids = ids_of(pieces);
  const ByteAlphabet alphabet;
  for (unsigned byte = 0; byte < bytes_.size(); ++byte) {
    const auto character = alphabet.character(static_cast<unsigned char>(byte));
    const auto found = ids.find(character);
    if (found == ids.end()) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("the vocabulary lacks {}, the piece of byte {:#04x}; expected one for each byte, as "
                              "ByteLevel writes them",
                              in_quotes(character), byte));
    }
    bytes_[byte] = found->second;
  }
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string &left = merges[rank].left, &right = merges[rank].right;
    const auto id_of = [&](const std::string& piece) {
      const auto found = ids.find(piece);
      if (found != ids.end()) return found->second;
      throw Error(ErrorCode::bad_model, fmt::format("merge {} of {} and {}: the vocabulary lacks {}", rank,
                                                    in_quotes(left), in_quotes(right), in_quotes(piece)));
    };
    // Of a pair that is there twice, the last merge counts.
    add({pair_of(id_of(left), id_of(right)), static_cast<std::uint32_t>(rank), id_of(left + right)});
  }
}

std::uint64_t BytePairs::pair_of(std::int32_t left, std::int32_t right) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

// Of the pair, or the empty one where it would stand.
std::size_t BytePairs::slot_of(std::uint64_t pair) const noexcept {
  constexpr std::uint64_t spread = 0x9e3779b97f4a7c15U;  // 2^64 by the golden ratio
  const std::size_t last = rules_.size() - 1;
  std::size_t slot = ((pair * spread) >> 32) & last;
  while (rules_[slot].pair != pair && rules_[slot].pair != no_pair) slot = (slot + 1) & last;
  return slot;
}

// Of the symbol with the one after it.
void BytePairs::find_merge(std::uint32_t place, Symbols& symbols) const noexcept {
  Symbol& symbol = symbols[place];
  symbol.rank = none;
  if (symbol.after == none) return;
  const Rule& rule = rules_[slot_of(pair_of(symbol.id, symbols[symbol.after].id))];
  if (rule.pair == no_pair) return;
  symbol.rank = rule.rank;
  symbol.joined = rule.id;
}

// Joins the symbol and the one after it.
void BytePairs::join(std::uint32_t place, Symbols& symbols) const noexcept {
  Symbol& left = symbols[place];
  Symbol& right = symbols[left.after];
  left.id = left.joined;
  left.size += right.size;
  left.after = right.after;
  right.size = 0;
  right.rank = none;
  if (left.after != none) symbols[left.after].before = place;
  find_merge(place, symbols);
  if (left.before != none) find_merge(left.before, symbols);
}

// In time that grows with the square of a word's length, which is less than that of a heap for short ones.
void BytePairs::join_by_scan(Symbols& symbols) const noexcept {
  while (true) {
    std::uint32_t first = 0;
    for (std::uint32_t place = 0; place != none; place = symbols[place].after) {
      if (symbols[place].rank < symbols[first].rank) first = place;
    }
    if (symbols[first].rank == none) return;
    join(first, symbols);
  }
}

void BytePairs::join_by_heap(Memory& memory) const {
  auto& symbols = memory.symbols;
  auto& merges = memory.merges;
  merges.clear();
  const auto add = [&](std::uint32_t place) {
    if (symbols[place].rank == none) return;
    merges.push_back(std::uint64_t{symbols[place].rank} << 32 | place);
    std::ranges::push_heap(merges, std::greater());
  };
  for (std::uint32_t place = 0; place < symbols.size(); ++place) add(place);
  while (!merges.empty()) {
    std::ranges::pop_heap(merges, std::greater());
    const std::uint64_t next = merges.back();
    merges.pop_back();
    const auto place = static_cast<std::uint32_t>(next);
    if (symbols[place].rank != next >> 32) continue;
    join(place, symbols);
    add(place);
    if (symbols[place].before != none) add(symbols[place].before);
  }
}

void BytePairs::segment(std::string_view word, std::size_t /*ids_max*/, Scratch& scratch, TokenIds& ids,
                        std::vector<std::size_t>* ends) const {
  constexpr std::uint32_t short_word = 16;
  auto& memory = static_cast<Memory&>(scratch);
  auto& symbols = memory.symbols;
  const auto size = static_cast<std::uint32_t>(word.size());
  symbols.resize(size);
  for (std::uint32_t at = 0; at < size; ++at) {
    const std::int32_t id = bytes_[static_cast<unsigned char>(word[at])];
    symbols[at] = {.id = id, .size = 1, .before = at == 0 ? none : at - 1, .after = at + 1 == size ? none : at + 1};
  }
  for (std::uint32_t at = 0; at < size; ++at) find_merge(at, symbols);
  if (size <= short_word) {
    join_by_scan(symbols);
  } else {
    join_by_heap(memory);
  }
  std::size_t end = 0;
  for (const Symbol& symbol : symbols) {
    if (symbol.size == 0) continue;
    ids.push_back(symbol.id);
    end += symbol.size;
    if (ends != nullptr) ends->push_back(end);
  }
}

// Each byte is a piece, so that none is unknown.
void check_byte_pairs(const detail::JsonObject& component) {
  component.expect_or_null("dropout", nullptr);
  component.expect_or_null("continuing_subword_prefix", "");
  component.expect_or_null("end_of_word_suffix", "");
  component.expect_or_null("byte_fallback", false);
  component.expect_or_null("ignore_merges", false);
  component.refuse_others(std::array{"type", "unk_token", "fuse_unk", "vocab", "merges"});
}

}  // namespace bgem3
