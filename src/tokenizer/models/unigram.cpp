#include "tokenizer/models/unigram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "text/utf8.h"
#include "tokenizer/models/piece_trie.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// An unknown character costs this much more than the least likely piece, in both libraries.
constexpr double unknown_penalty = 10.0;

std::vector<double> checked(const PieceTable& pieces, std::vector<double> scores) {
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const char* fault = nullptr;
    if (pieces[id].empty()) fault = "is empty";
    if (!std::isfinite(scores[id])) fault = "has a score that is no finite number";
    if (fault == nullptr) continue;
    throw Error(ErrorCode::bad_model,
                fmt::format("piece {} of the vocabulary {}: {}", id, fault, in_quotes(pieces[id])));
  }
  return scores;
}

}  // namespace

// Special tokens are pieces like any other here: when normalisation produces one, as it does from the full-width
// "＜s＞", Hugging Face takes it for the token.
Unigram::Unigram(const PieceTable& pieces, std::vector<double> scores, std::int32_t unknown_id)
    : trie_(build_piece_trie(pieces)),
      scores_(checked(pieces, std::move(scores))),
      unknown_score_(*std::min_element(scores_.begin(), scores_.end()) - unknown_penalty),
      unknown_id_(unknown_id) {}

struct Unigram::Memory final : Scratch {
  Nodes nodes;
};

std::unique_ptr<TokenModel::Scratch> Unigram::make_scratch() const { return std::make_unique<Memory>(); }

// Finds the best paths from `begin`, which has `score`, to the next position that every path goes through, and returns
// it with its score. Words seldom go on much longer, so long texts without a space need little memory. nodes[i] is
// about position begin + i.
std::size_t Unigram::search(std::string_view word, std::size_t begin, double& score, Nodes& nodes) const {
  nodes.assign(1, Node{score, 0, none});
  std::size_t start = begin;
  do {
    const double reached = nodes[start - begin].score;
    const auto offer = [&](std::size_t end, double offered, std::int32_t id) {
      if (end - begin >= nodes.size()) nodes.resize(end - begin + 1);
      auto& node = nodes[end - begin];
      if (node.id == none || offered > node.score) node = {offered, static_cast<std::uint32_t>(end - start), id};
    };
    const std::size_t character_end = start + utf8::length(static_cast<unsigned char>(word[start]));
    bool character_is_piece = false;
    auto cursor = trie_.root();
    for (std::size_t at = start; at < word.size() && trie_.step(cursor, static_cast<unsigned char>(word[at])); ++at) {
      if (!cursor.has_value) continue;
      const auto id = trie_.value(cursor);
      offer(at + 1, reached + scores_[id], static_cast<std::int32_t>(id));
      character_is_piece |= at + 1 == character_end;
    }
    if (!character_is_piece) offer(character_end, reached + unknown_score_, unknown_id_);
    start = character_end;
  } while (start - begin + 1 < nodes.size());
  score = nodes.back().score;
  return start;
}

void Unigram::take_path(const Nodes& nodes, bool& after_unknown, TokenIds& ids) const {
  const auto first = static_cast<std::ptrdiff_t>(ids.size());
  for (std::size_t end = nodes.size() - 1; end > 0; end -= nodes[end].length) ids.push_back(nodes[end].id);
  std::reverse(ids.begin() + first, ids.end());
  const auto repeats = [&](std::int32_t id) {
    const bool was_unknown = std::exchange(after_unknown, id == unknown_id_);
    return was_unknown && after_unknown;
  };
  ids.erase(std::remove_if(ids.begin() + first, ids.end(), repeats), ids.end());
}

// The ends of the ids that take_path() takes; `begin` is that of the nodes in the word.
void Unigram::take_ends(const Nodes& nodes, std::size_t begin, bool after_unknown,
                        std::vector<std::size_t>& ends) const {
  const auto first = static_cast<std::ptrdiff_t>(ends.size());
  for (std::size_t end = nodes.size() - 1; end > 0; end -= nodes[end].length) ends.push_back(end);
  std::reverse(ends.begin() + first, ends.end());
  auto kept = ends.begin() + first;
  for (auto end = kept; end != ends.end(); ++end) {
    const bool was_unknown = std::exchange(after_unknown, nodes[*end].id == unknown_id_);
    if (was_unknown && after_unknown) --kept;
    *kept++ = begin + *end;
  }
  ends.erase(kept, ends.end());
}

void Unigram::segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
                      std::vector<std::size_t>* ends) const {
  auto& nodes = static_cast<Memory&>(scratch).nodes;
  double score = 0;  // from the beginning of the word: resetting it would round otherwise
  bool after_unknown = false;
  for (std::size_t begin = 0; begin < word.size() && ids.size() < ids_max;) {
    const std::size_t end = search(word, begin, score, nodes);
    if (ends != nullptr) take_ends(nodes, begin, after_unknown, *ends);
    begin = end;
    take_path(nodes, after_unknown, ids);
  }
}

}  // namespace bgem3
