#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "text/white_space.h"
#include "tokenizer/word_character.h"

namespace bgem3 {

using detail::in_quotes;

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::ranges::stable_sort(tokens_, {}, &AddedToken::content);
  const auto same = std::ranges::adjacent_find(tokens_, {}, &AddedToken::content);
  if (same != tokens_.end()) {
    throw Error(ErrorCode::bad_model,
                fmt::format("the added tokens of ids {} and {} have the same normal form, {}; expected one of them",
                            *same->id, *std::next(same)->id, in_quotes(same->content)));
  }
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

// What `last` took is white space that is not looked at again.
AddedTokenFinder::Match AddedTokenFinder::with_space(std::string_view text, Match match, const AddedToken& token,
                                                     const Match& last) noexcept {
  if (token.takes_space_after) {
    const std::size_t known = std::max(match.end, last.end);
    match.end = text.size() - strip_left(text.substr(known)).size();
  }
  if (token.takes_space_before) {
    const std::size_t between = std::max(match.begin, last.end) - last.end;
    match.begin = last.end + strip_right(text.substr(last.end, between)).size();
  }
  return match;
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text, std::size_t begin) const noexcept {
  const AddedToken* longest = nullptr;
  auto cursor = trie_->root();
  for (std::size_t at = begin; at < text.size() && trie_->step(cursor, static_cast<unsigned char>(text[at])); ++at) {
    if (cursor.has_value) longest = &tokens_[trie_->value(cursor)];
  }
  return longest;
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text, const Match& last) const noexcept {
  if (!trie_) return std::nullopt;
  for (std::size_t at = next_candidate(text, last.resume); at < text.size(); at = next_candidate(text, at)) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    at += token->content.size();
    // A shorter token in it is not looked for.
    if (token->is_single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(at)))) continue;
    return with_space(text, {.begin = begin, .end = at, .resume = at, .id = *token->id}, *token, last);
  }
  return std::nullopt;
}

}  // namespace bgem3
