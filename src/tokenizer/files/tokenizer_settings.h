#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/files/tokenizer_class.h"

namespace bgem3 {

/// What the files beside a vocabulary say: tokenizer_config.json, special_tokens_map.json and added_tokens.json.
struct TokenizerSettings {
  BuildSteps build;  ///< of the class; empty where tokenizer.json is run as written
  std::optional<bool> truncate_left;
  std::optional<bool> names_types;  ///< whether model_input_names has token_type_ids
  std::optional<std::vector<AddedToken>> added_tokens_decoder;
  std::vector<AddedToken> added_tokens;                         ///< of added_tokens.json
  std::map<std::string, std::optional<AddedToken>> named;       ///< by token_names; nothing for null
  std::optional<std::vector<AddedToken>> extra_special_tokens;  ///< additional_special_tokens is their older name
  bool has_extra_tokens_of_map = false;  ///< these are additional_special_tokens of special_tokens_map.json
};

/// What runs a tokenizer in transformers.
struct StatedClass {
  bool is_stated = false;
  const TokenizerClass* of = nullptr;  ///< null, and stated: tokenizer.json as written
};

/// The tokenizer_class of tokenizer_config.json, or else of config.json, or else that of the model_type there.
/// @throws Error bad_model for one that is not known
StatedClass read_tokenizer_class(const std::filesystem::path& directory);

/// @param directory  nothing: a vocabulary is read alone
/// @param of_class   of which the files are read; null: of a tokenizer.json as written
/// @throws Error bad_model, naming file and key, for what is not supported
TokenizerSettings read_tokenizer_settings(const std::optional<std::filesystem::path>& directory,
                                          const TokenizerClass* of_class);

}  // namespace bgem3
