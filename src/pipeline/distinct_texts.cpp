#include "pipeline/distinct_texts.h"

#include <numeric>
#include <string_view>
#include <unordered_map>

namespace bgem3 {
namespace {

// The bytes of the ids: something that the standard library can hash.
std::string_view bytes_of(const TokenIds& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenIds::value_type)};
}

}  // namespace

DistinctTexts find_distinct(std::vector<TokenIds> texts) {
  DistinctTexts found;
  found.text_of.reserve(texts.size());
  // The keys look into `found.ids`: moving a vector leaves its elements where they are.
  std::unordered_map<std::string_view, std::size_t> seen;
  for (auto& ids : texts) {
    const auto [entry, is_new] = seen.try_emplace(bytes_of(ids), found.ids.size());
    if (is_new) {
      found.ids.push_back(std::move(ids));
      found.copies.push_back(0);
    }
    ++found.copies[entry->second];
    found.text_of.push_back(entry->second);
  }
  return found;
}

DistinctTexts keep_all(std::vector<TokenIds> texts) {
  DistinctTexts all{std::move(texts), {}, {}};
  all.copies.assign(all.ids.size(), 1);
  all.text_of.resize(all.ids.size());
  std::iota(all.text_of.begin(), all.text_of.end(), std::size_t{0});
  return all;
}

}  // namespace bgem3
