#include "tokenizer/files/collect_tokens.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// Tokens by content, in the order in which they came.
class TokenList {
 public:
  // One that is there already stays as it is.
  void add(const AddedToken& token) {
    if (places_.emplace(token.content, tokens_.size()).second) tokens_.push_back(token);
  }

  void add_or_replace(const AddedToken& token) {
    const auto [place, is_new] = places_.emplace(token.content, tokens_.size());
    if (is_new) {
      tokens_.push_back(token);
    } else {
      tokens_[place->second] = token;
    }
  }

  std::vector<AddedToken> take() { return std::move(tokens_); }

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, std::size_t> places_;
};

// By id. An added_tokens_decoder stands for all that older files say; of these tokenizer.json comes last.
std::map<std::int32_t, AddedToken> numbered_tokens(const TokenizerFile& file, const TokenizerSettings& settings) {
  std::map<std::int32_t, AddedToken> tokens;
  const auto add = [&](const std::vector<AddedToken>& list) {
    for (const auto& token : list) tokens.insert_or_assign(*token.id, token);
  };
  if (settings.added_tokens_decoder) {
    add(*settings.added_tokens_decoder);
  } else {
    add(settings.added_tokens);
    add(file.added_tokens);
  }
  return tokens;
}

// In the order of transformers 5, where a class begins without any, tokenizer.json as written with its own.
std::vector<AddedToken> list_tokens(const TokenizerFile& file, const TokenizerSettings& settings,
                                    const TokenizerClass* of_class,
                                    const std::map<std::string_view, AddedToken>& named) {
  TokenList tokens;
  if (of_class == nullptr) {
    for (const auto& token : file.added_tokens) tokens.add_or_replace(token);
  }
  for (const auto& [id, token] : numbered_tokens(file, settings)) tokens.add_or_replace(token);
  for (const auto name : token_names) {
    if (const auto token = named.find(name); token != named.end()) tokens.add(token->second);
  }
  if (settings.extra_special_tokens) {
    for (const auto& token : *settings.extra_special_tokens) tokens.add(token);
  } else if (of_class != nullptr && !file.json.value.is_null()) {
    for (const auto token : of_class->extra_tokens) tokens.add({.content = std::string(token)});
  }
  return tokens.take();
}

// Ids of those that are pieces.
std::unordered_map<std::string_view, std::int32_t> find_pieces(const PieceTable& pieces,
                                                               const std::vector<AddedToken>& tokens) {
  constexpr std::int32_t none = -1;
  std::unordered_map<std::string_view, std::int32_t> ids;
  std::size_t longest = 0;
  for (const auto& token : tokens) {
    ids.emplace(token.content, none);
    longest = std::max(longest, token.content.size());
  }
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].size() > longest) continue;
    if (const auto found = ids.find(pieces[id]); found != ids.end()) found->second = static_cast<std::int32_t>(id);
  }
  std::erase_if(ids, [](const auto& entry) { return entry.second == none; });
  return ids;
}

// A token that is a piece has its id; the others follow on the vocabulary. A file that says something else belongs to
// another vocabulary. tokenizers counts a piece once that stands in it twice, and numbers tokens from there.
void assign_ids(const PieceTable& pieces, bool has_repeats, std::vector<AddedToken>& tokens) {
  const auto known = find_pieces(pieces, tokens);
  auto next = static_cast<std::int32_t>(pieces.size());
  for (auto& token : tokens) {
    const auto piece = known.find(token.content);
    const std::int32_t id = piece != known.end() ? piece->second : next++;
    if (piece == known.end() && has_repeats) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("the vocabulary has lines twice, so that the added token {} would get the id of a piece; "
                              "remove the token or the lines",
                              in_quotes(token.content)));
    }
    if (token.id.value_or(id) != id) {
      throw Error(ErrorCode::bad_model, fmt::format("the added token {} has the id {}; expected {}, its place in the "
                                                    "vocabulary",
                                                    in_quotes(token.content), *token.id, id));
    }
    token.id = id;
  }
}

void check_tokens(const std::vector<AddedToken>& tokens) {
  for (const auto& token : tokens) {
    if (token.content.find('\0') == std::string::npos) continue;
    throw Error(ErrorCode::bad_model,
                fmt::format("an added token with a NUL is not supported: {}", in_quotes(token.content)));
  }
}

}  // namespace

std::optional<AddedToken> find_named_token(std::string_view name, const TokenizerSettings& settings,
                                           const TokenizerClass* of_class) {
  if (const auto stated = settings.named.find(std::string(name)); stated != settings.named.end()) return stated->second;
  if (of_class == nullptr) return std::nullopt;
  const auto known = std::ranges::find(of_class->tokens, name, &TokenizerClass::NamedToken::name);
  if (known == of_class->tokens.end()) return std::nullopt;
  return AddedToken{.content = std::string(known->content), .takes_space_before = known->takes_space_before};
}

CollectedTokens collect_tokens(const TokenizerFile& file, const TokenizerSettings& settings,
                               const TokenizerClass* of_class, const PieceTable& pieces,
                               const std::optional<std::string>& pad_token) {
  CollectedTokens collected;
  for (const auto name : token_names) {
    if (auto token = find_named_token(name, settings, of_class)) collected.named.emplace(name, *std::move(token));
  }
  const bool says_pad = settings.named.contains("pad_token");  // be it null
  if (of_class == nullptr && pad_token && !says_pad) {
    collected.named.emplace("pad_token", AddedToken{.content = *pad_token});
  }
  collected.tokens = list_tokens(file, settings, of_class, collected.named);
  // A named token is special, whatever a file says of it.
  for (const auto& [name, token] : collected.named) {
    const auto found = std::ranges::find(collected.tokens, token.content, &AddedToken::content);
    if (found != collected.tokens.end()) found->is_special = true;
  }
  check_tokens(collected.tokens);
  assign_ids(pieces, file.vocabulary.repeats > 0, collected.tokens);
  return collected;
}

std::optional<std::int32_t> CollectedTokens::id_of(std::string_view name) const {
  const auto token = named.find(name);
  if (token == named.end()) return std::nullopt;
  const auto found = std::ranges::find(tokens, token->second.content, &AddedToken::content);
  return found == tokens.end() ? std::nullopt : found->id;
}

}  // namespace bgem3
