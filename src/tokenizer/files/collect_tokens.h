#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/files/tokenizer_class.h"
#include "tokenizer/files/tokenizer_json.h"
#include "tokenizer/files/tokenizer_settings.h"

namespace bgem3 {

/// The added tokens of all files of a directory.
struct CollectedTokens {
  std::vector<AddedToken> tokens;                ///< with ids
  std::map<std::string_view, AddedToken> named;  ///< by token_names; those of them that there are

  /// The id of a named token.
  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view name) const;
};

/// The token of that name: what the files say, else what the class has.
std::optional<AddedToken> find_named_token(std::string_view name, const TokenizerSettings& settings,
                                           const TokenizerClass* of_class);

/// @param of_class   null for tokenizer.json as written
/// @param pad_token  as tokenizer.json names it, for want of another one
/// @throws Error bad_model for ids that do not go with `pieces`
CollectedTokens collect_tokens(const TokenizerFile& file, const TokenizerSettings& settings,
                               const TokenizerClass* of_class, const PieceTable& pieces,
                               const std::optional<std::string>& pad_token);

}  // namespace bgem3
