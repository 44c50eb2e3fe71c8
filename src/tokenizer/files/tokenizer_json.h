#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "file/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/files/vocabulary.h"
#include "tokenizer/tokenizer_steps.h"

namespace bgem3 {

/// What the file of a vocabulary holds. `json` is the rest of tokenizer.json, null for another file.
struct TokenizerFile {
  Vocabulary vocabulary;
  std::vector<AddedToken> added_tokens;              ///< with their ids
  std::optional<bool> truncate_left = std::nullopt;  ///< where the file says it
  JsonDocument json;
};

/// Reads `tokenizer.json`.
/// @throws Error bad_model, naming what was found, when it is damaged or its model is not known
TokenizerFile read_tokenizer_json(std::string_view text);

/// The steps of tokenizer.json as written. `file` loses its pieces.
/// @throws Error bad_model for a component that is not known
TokenizerSteps read_steps(TokenizerFile& file);

/// The first table of normalisation rules in tokenizer.json, whatever else there is: transformers 5 takes no more of a
/// normalizer for XLM-RoBERTa.
/// @throws Error bad_model for one that is not base64
std::string find_charsmap(const nlohmann::json& json);

}  // namespace bgem3
