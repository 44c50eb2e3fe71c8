#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"

namespace bgem3 {

/// What the files beside a vocabulary say: tokenizer_config.json, special_tokens_map.json, added_tokens.json and, of
/// config.json, tokenizer_class.
struct TokenizerSettings {
  TokenizerPipeline pipeline = TokenizerPipeline::transformers_5;  ///< that of the tokenizer_class
  std::optional<bool> truncate_left;
  std::optional<std::vector<AddedToken>> added_tokens_decoder;
  std::vector<AddedToken> added_tokens;                         ///< of added_tokens.json
  std::map<std::string, AddedToken> named;                      ///< "bos_token" …
  std::optional<std::vector<AddedToken>> extra_special_tokens;  ///< additional_special_tokens is their older name
  bool has_extra_tokens_of_map = false;  ///< these are additional_special_tokens of special_tokens_map.json
};

/// @throws Error bad_model, naming file and key, for what is not supported
TokenizerSettings read_tokenizer_settings(const std::filesystem::path& directory);

}  // namespace bgem3
