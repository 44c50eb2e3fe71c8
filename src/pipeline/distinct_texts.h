#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bgem3/embeddings.h"
#include "bgem3/reranker.h"
#include "bgem3/tokenizer.h"

namespace bgem3 {

/// The texts of a call without repetitions, so that equal ones are computed once. They may come in parts.
struct DistinctTexts {
  DistinctTexts() = default;
  DistinctTexts(DistinctTexts&&) = default;  // no copies: `places` looks into `ids`
  DistinctTexts& operator=(DistinctTexts&&) = default;

  std::vector<TokenIds> ids;                                 // of each distinct text, in order of first appearance
  std::vector<std::size_t> second_begins;                    // likewise, as PairIds; empty: all tokens are of type 0
  std::vector<std::size_t> copies;                           // how many texts of the call each stands for
  std::vector<std::size_t> text_of;                          // for each text of the call, where it is in `ids`
  std::unordered_map<std::string_view, std::size_t> places;  // in `ids`, by the bytes of the ids

  [[nodiscard]] bool has_repetitions() const noexcept { return ids.size() < text_of.size(); }
};

/// The next texts of the call. Texts are equal when their token ids are.
void add_distinct(DistinctTexts& known, std::vector<TokenIds> texts);

/// The same with every text for itself, for callers who want to see each.
void add_all(DistinctTexts& known, std::vector<TokenIds> texts);

/// All texts of a call at once.
DistinctTexts find_distinct(std::vector<TokenIds> texts);

/// All pairs of a call at once. `has_types`: whether the model has two token types; without, PairIds::second_begin
/// tells nothing.
DistinctTexts find_distinct(std::vector<PairIds> pairs, bool has_types);

/// Values of the distinct texts → values of all texts of the call.
template <typename Value>
std::vector<Value> expand(const DistinctTexts& texts, std::vector<Value> values) {
  if (values.empty() || !texts.has_repetitions()) return values;
  std::vector<Value> all;
  all.reserve(texts.text_of.size());
  for (const auto distinct : texts.text_of) all.push_back(values[distinct]);
  return all;
}

/// The same for rows.
inline Matrix expand(const DistinctTexts& texts, Matrix rows) {
  if (rows.empty() || !texts.has_repetitions()) return rows;
  Matrix all(texts.text_of.size(), rows.cols());
  for (std::size_t i = 0; i < texts.text_of.size(); ++i)
    std::ranges::copy(rows.row(texts.text_of[i]), all.row(i).begin());
  return all;
}

}  // namespace bgem3
