#include "tokenizer/unigram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "tokenizer/utf8.h"

namespace bgem3 {
namespace {

// An unknown character costs this much more than the least likely piece, in
// both libraries.
constexpr double unknown_penalty = 10.0;

void check_pieces(const Vocabulary& vocabulary) {
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const auto piece = vocabulary.pieces[id];
    const char* fault = nullptr;
    if (piece.empty() || piece.find('\0') != std::string_view::npos) fault = "is empty or has a NUL in it";
    if (utf8::valid_prefix(piece) != piece.size()) fault = "is not UTF-8";
    if (!std::isfinite(vocabulary.scores[id])) fault = "has a score that is no finite number";
    if (fault != nullptr) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("piece {} of the vocabulary, '{}', {}", id, utf8::repair(piece), fault));
    }
  }
}

// Sorted by bytes. Most comparisons end with the first eight, which are kept as
// a number.
std::vector<DoubleArray::Key> sorted_keys(const PieceTable& pieces) {
  struct Entry {
    std::uint64_t head;
    DoubleArray::Key key;
  };
  std::vector<Entry> entries(pieces.size());
  for (std::uint32_t id = 0; id < entries.size(); ++id) {
    const auto piece = pieces[id];
    std::uint64_t head = 0;
    for (std::size_t i = 0; i < sizeof head; ++i) {
      head = head << 8 | (i < piece.size() ? static_cast<unsigned char>(piece[i]) : 0U);
    }
    entries[id] = {head, {piece, id}};
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.head != b.head ? a.head < b.head : a.key.first < b.key.first;
  });
  std::vector<DoubleArray::Key> keys;
  keys.reserve(entries.size());
  for (const auto& entry : entries) {
    if (!keys.empty() && keys.back().first == entry.key.first) {
      throw Error(ErrorCode::bad_model, fmt::format("piece '{}' occurs twice in the vocabulary", entry.key.first));
    }
    keys.push_back(entry.key);
  }
  return keys;
}

DoubleArray build_trie(const Vocabulary& vocabulary) {
  check_pieces(vocabulary);
  return DoubleArray::build(sorted_keys(vocabulary.pieces));
}

}  // namespace

// Special tokens are pieces like any other here: when normalisation produces
// one, as it does from the full-width "＜s＞", Hugging Face takes it for the
// token.
Unigram::Unigram(const Vocabulary& vocabulary)
    : trie_(build_trie(vocabulary)),
      scores_(vocabulary.scores),
      unknown_score_(*std::min_element(scores_.begin(), scores_.end()) - unknown_penalty),
      unknown_id_(vocabulary.special.unk) {}

void Unigram::search(std::string_view word, Scratch& scratch) const {
  auto& nodes = scratch.nodes;
  nodes.assign(word.size() + 1, {0.0, 0, none});
  const auto offer = [&](std::size_t start, std::size_t end, double score, std::int32_t id) {
    auto& node = nodes[end];
    if (node.id == none || score > node.score) node = {score, static_cast<std::uint32_t>(start), id};
  };
  for (std::size_t start = 0; start < word.size();) {
    const double score = nodes[start].score;
    const std::size_t character_end = start + utf8::length(static_cast<unsigned char>(word[start]));
    bool character_is_piece = false;
    auto cursor = trie_.root();
    for (std::size_t at = start; at < word.size() && trie_.step(cursor, static_cast<unsigned char>(word[at])); ++at) {
      if (!cursor.has_value) continue;
      const auto id = trie_.value(cursor);
      offer(start, at + 1, score + scores_[id], static_cast<std::int32_t>(id));
      character_is_piece |= at + 1 == character_end;
    }
    if (!character_is_piece) offer(start, character_end, score + unknown_score_, unknown_id_);
    start = character_end;
  }
}

void Unigram::segment(std::string_view word, Scratch& scratch, TokenIds& ids) const {
  search(word, scratch);
  const auto first = static_cast<std::ptrdiff_t>(ids.size());
  bool after_unknown = false;
  for (std::size_t end = word.size(); end > 0; end = scratch.nodes[end].start) {
    const auto id = scratch.nodes[end].id;
    if (id != unknown_id_ || !after_unknown) ids.push_back(id);
    after_unknown = id == unknown_id_;
  }
  std::reverse(ids.begin() + first, ids.end());
}

}  // namespace bgem3
