#include "pipeline/distinct_texts.h"

#include <string_view>
#include <utility>

namespace bgem3 {
namespace {

// The bytes of the ids: something that the standard library can hash.
std::string_view bytes_of(const TokenIds& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenIds::value_type)};
}

}  // namespace

void add_distinct(DistinctTexts& known, std::vector<TokenIds> texts) {
  known.text_of.reserve(known.text_of.size() + texts.size());
  for (auto& ids : texts) {
    // Moving a vector leaves its elements where they are, and with them what the key looks at.
    const auto [entry, is_new] = known.places.try_emplace(bytes_of(ids), known.ids.size());
    if (is_new) {
      known.ids.push_back(std::move(ids));
      known.copies.push_back(0);
    }
    ++known.copies[entry->second];
    known.text_of.push_back(entry->second);
  }
}

void add_all(DistinctTexts& known, std::vector<TokenIds> texts) {
  for (auto& ids : texts) {
    known.text_of.push_back(known.ids.size());
    known.ids.push_back(std::move(ids));
    known.copies.push_back(1);
  }
}

DistinctTexts find_distinct(std::vector<TokenIds> texts) {
  DistinctTexts found;
  add_distinct(found, std::move(texts));
  return found;
}

// Pairs of equal ids and other types are so rare, it takes a special token within a text, that only the first of them
// is looked for again.
DistinctTexts find_distinct(std::vector<PairIds> pairs, bool has_types) {
  DistinctTexts found;
  found.text_of.reserve(pairs.size());
  for (auto& [ids, second_begin] : pairs) {
    const auto [entry, is_first] = found.places.try_emplace(bytes_of(ids), found.ids.size());
    std::size_t place = entry->second;
    if (is_first || (has_types && found.second_begins[place] != second_begin)) {
      place = found.ids.size();
      found.ids.push_back(std::move(ids));
      found.copies.push_back(0);
      if (has_types) found.second_begins.push_back(second_begin);
    }
    ++found.copies[place];
    found.text_of.push_back(place);
  }
  return found;
}

}  // namespace bgem3
