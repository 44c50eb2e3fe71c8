#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "tokenizer/words.h"

namespace bgem3 {

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::ranges::stable_sort(tokens_, {}, &AddedToken::content);
  const auto same = [](const AddedToken& a, const AddedToken& b) { return a.content == b.content; };
  tokens_.erase(std::unique(tokens_.begin(), tokens_.end(), same), tokens_.end());
  if (tokens_.empty()) return;
  std::vector<DoubleArray::Key> keys;
  for (const auto& token : tokens_) {
    is_first_[static_cast<unsigned char>(token.content.front())] = true;
    keys.emplace_back(token.content, static_cast<std::uint32_t>(keys.size()));
  }
  trie_ = DoubleArray::build(keys);
  if (std::ranges::count(is_first_, true) == 1) only_first_ = tokens_.front().content.front();
}

std::size_t AddedTokenFinder::next_candidate(std::string_view text, std::size_t from) const noexcept {
  if (only_first_) return std::min(text.find(*only_first_, from), text.size());
  while (from < text.size() && !is_first_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

AddedTokenFinder::Match AddedTokenFinder::with_space(std::string_view text, std::size_t begin, std::size_t end,
                                                     const AddedToken& token) const noexcept {
  if (token.takes_space_before) begin = strip_right(text.substr(0, begin)).size();
  if (token.takes_space_after) end = text.size() - strip_left(text.substr(end)).size();
  return {begin, end, *token.id};
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text) const noexcept {
  if (!trie_) return std::nullopt;
  for (std::size_t begin = next_candidate(text, 0); begin < text.size(); begin = next_candidate(text, begin + 1)) {
    const AddedToken* longest = nullptr;
    auto cursor = trie_->root();
    for (std::size_t at = begin; at < text.size() && trie_->step(cursor, static_cast<unsigned char>(text[at])); ++at) {
      if (cursor.has_value) longest = &tokens_[trie_->value(cursor)];
    }
    if (longest != nullptr) return with_space(text, begin, begin + longest->content.size(), *longest);
  }
  return std::nullopt;
}

}  // namespace bgem3
