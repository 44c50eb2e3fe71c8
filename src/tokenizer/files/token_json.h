#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "config/json_object.h"
#include "tokenizer/added_tokens.h"

namespace bgem3 {

/// Tokens that are added to one vocabulary, at most.
constexpr std::size_t added_tokens_max = 100'000;

/// An added token with its flags, as tokenizer.json, tokenizer_config.json and special_tokens_map.json have it.
/// `is_special`: where the object does not say it.
/// @throws Error bad_model for another flag
inline AddedToken read_added_token(const detail::JsonObject& object, bool is_special) {
  AddedToken token{.content = object.get<std::string>("content").value_or("")};
  if (token.content.empty()) throw object.bad("'content' should be the text of a token");
  if (object.has("id")) token.id = static_cast<std::int32_t>(object.integer("id", 0, 0));
  token.takes_space_before = object.get<bool>("lstrip").value_or(false);
  token.takes_space_after = object.get<bool>("rstrip").value_or(false);
  token.is_special = object.get<bool>("special").value_or(is_special);
  token.is_normalized = object.get<bool>("normalized").value_or(!token.is_special);
  token.is_single_word = object.get<bool>("single_word").value_or(false);
  object.refuse_others(std::array{"__type"});
  return token;
}

}  // namespace bgem3
