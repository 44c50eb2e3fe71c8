#include "tokenizer/models/piece_trie.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "text/utf8.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

void check_pieces(const PieceTable& pieces) {
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const auto piece = pieces[id];
    const char* fault = nullptr;
    if (piece.find('\0') != std::string_view::npos) fault = "has a NUL in it";
    if (utf8::valid_prefix(piece) != piece.size()) fault = "is not UTF-8";
    if (fault != nullptr) {
      throw Error(ErrorCode::bad_model, fmt::format("piece {} of the vocabulary {}: {}", id, fault, in_quotes(piece)));
    }
  }
}

// Sorted by bytes. Most comparisons end with the first eight, which are kept as a number.
std::vector<DoubleArray::Key> sorted_keys(const PieceTable& pieces) {
  struct Entry {
    std::uint64_t head;
    DoubleArray::Key key;
  };
  std::vector<Entry> entries;
  entries.reserve(pieces.size());
  for (std::uint32_t id = 0; id < pieces.size(); ++id) {
    const auto piece = pieces[id];
    if (piece.empty()) continue;
    std::uint64_t head = 0;
    for (std::size_t i = 0; i < sizeof head; ++i) {
      head = head << 8 | (i < piece.size() ? static_cast<unsigned char>(piece[i]) : 0U);
    }
    entries.push_back({head, {piece, id}});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.head != b.head ? a.head < b.head : a.key.first < b.key.first;
  });
  std::vector<DoubleArray::Key> keys;
  keys.reserve(entries.size());
  for (const auto& entry : entries) {
    if (!keys.empty() && keys.back().first == entry.key.first) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("piece {} occurs twice in the vocabulary", in_quotes(entry.key.first)));
    }
    keys.push_back(entry.key);
  }
  return keys;
}

}  // namespace

DoubleArray build_piece_trie(const PieceTable& pieces) {
  check_pieces(pieces);
  return DoubleArray::build(sorted_keys(pieces));
}

}  // namespace bgem3
