#pragma once

#include <filesystem>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {

/// What the tokenizer files of a directory say together.
struct LoadedVocabulary {
  std::filesystem::path source;
  Vocabulary vocabulary;           ///< of the unigram model
  std::vector<AddedToken> tokens;  ///< with ids; those beyond the vocabulary follow on it, in this order
  bool truncate_left = false;
};

/// Tokenizer::load
LoadedVocabulary load_vocabulary(const std::filesystem::path& path, const TokenizerOptions& options);

}  // namespace bgem3
