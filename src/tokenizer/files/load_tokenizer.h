#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer_steps.h"

namespace bgem3 {

/// What the tokenizer files of a directory say together.
struct LoadedTokenizer {
  std::filesystem::path source;
  std::string_view model_type;  ///< Tokenizer::model_type
  TokenizerSteps steps;
  SpecialTokens special;
  std::map<std::string, std::string> named;  ///< Tokenizer::named_tokens
  std::vector<AddedToken> tokens;            ///< with ids; those beyond the pieces follow on them, in this order
  bool truncate_left = false;
};

/// Tokenizer::load
LoadedTokenizer load_tokenizer(const std::filesystem::path& path, const TokenizerOptions& options);

}  // namespace bgem3
