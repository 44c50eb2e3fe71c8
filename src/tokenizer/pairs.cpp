#include "tokenizer/pairs.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace bgem3 {
namespace {

// Ids of query and passage, without special tokens.
struct PairLengths {
  std::size_t query;
  std::size_t passage;
};

// The texts that differ, and for each pair which of them is its own.
struct Sides {
  std::vector<std::string_view> texts;
  std::vector<std::size_t> of;
};

// Many passages are judged by one query, which should be tokenised once.
Sides find_sides(std::span<const TextPair> pairs, std::string_view TextPair::*side) {
  Sides sides;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& pair : pairs) {
    const auto [entry, is_new] = places.try_emplace(pair.*side, sides.texts.size());
    if (is_new) sides.texts.push_back(pair.*side);
    sides.of.push_back(entry->second);
  }
  return sides;
}

// How much of a pair stays. The order of the cases is that of tokenizers' longest_first, which decides where both texts
// are longer than half of the room.
PairLengths fit(const PairLengths& found, std::size_t room, const PairLimits& limits) {
  if (limits.truncation == PairTruncation::passage) {
    const std::size_t query = std::min(found.query, limits.query);
    return {query, std::min(found.passage, room - query)};
  }
  if (found.query + found.passage <= room) return found;
  std::size_t shorter = std::min(found.query, found.passage);
  std::size_t longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  return found.query > found.passage ? PairLengths{longer, shorter} : PairLengths{shorter, longer};
}

void append(const TokenIds& ids, TokenIds& pair) { pair.insert(pair.end(), ids.begin(), ids.end()); }

// The first `count` of a text's own ids.
void append_text(const TokenIds& text, std::size_t count, const TokenTemplate& around, TokenIds& pair) {
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(around.before.size());
  pair.insert(pair.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
}

// `query` and `passage` have the special tokens of a text around them.
PairIds join(const TokenIds& query, const TokenIds& passage, const TokenTemplate& around, const PairLimits& limits) {
  const PairLengths found = {query.size() - around.size(), passage.size() - around.size()};
  const PairLengths kept = fit(found, limits.pair - around.pair_size(), limits);
  PairIds pair;
  pair.ids.reserve(kept.query + kept.passage + around.pair_size());
  append(around.before, pair.ids);
  append_text(query, kept.query, around, pair.ids);
  append(around.between, pair.ids);
  if (around.has_types) pair.second_begin = pair.ids.size();
  append_text(passage, kept.passage, around, pair.ids);
  append(around.after, pair.ids);
  return pair;
}

// Ids to make of a text, its special tokens included. Which text is the longer one is seen from all of it.
std::size_t ids_max(std::size_t limit, const TokenTemplate& around, const PairLimits& limits) {
  return limits.truncation == PairTruncation::longest ? 0 : limit + around.size();
}

}  // namespace

std::vector<PairIds> encode_pairs(const Tokenizer& tokenizer, std::span<const TextPair> pairs, const PairLimits& limits,
                                  unsigned threads, const std::stop_token& stop) {
  const Sides queries = find_sides(pairs, &TextPair::query), passages = find_sides(pairs, &TextPair::passage);
  const auto& around = tokenizer.special_template();
  const auto query_ids = tokenizer.encode_batch(queries.texts, ids_max(limits.query, around, limits), threads, stop);
  const auto passage_ids = tokenizer.encode_batch(passages.texts, ids_max(limits.pair, around, limits), threads, stop);
  std::vector<PairIds> ids;
  ids.reserve(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    ids.push_back(join(query_ids[queries.of[i]], passage_ids[passages.of[i]], around, limits));
  }
  return ids;
}

}  // namespace bgem3
