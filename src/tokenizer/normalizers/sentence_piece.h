#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tokenizer/normalizers/charsmap_normalizer.h"
#include "tokenizer/normalizers/normalizer.h"

namespace bgem3 {

/// The normalizers of sentencepiece models, in the order in which files of tokenizers have them: Precompiled, Strip of
/// the right end, Replace of runs of spaces. Each can be left out.
class SentencePieceNormalizer final : public Normalizer {
 public:
  struct Options {
    std::string charsmap;                                         ///< as Charsmap takes it
    bool strips_right = false;                                    ///< white space at the end of a text
    std::optional<std::string_view> merged_space = std::nullopt;  ///< what a run of spaces becomes
  };

  /// @throws Error bad_model for a damaged table of rules
  explicit SentencePieceNormalizer(const Options& options);

  void normalize(const TextPart& part, std::string& normal, Alignment* alignment) const override;

 private:
  const CharsmapNormalizer charsmap_;
  const bool strips_right_;
  const std::optional<std::string_view> merged_space_;
};

/// The options that stand for these steps of tokenizer.json.
/// @throws Error bad_model for another step
SentencePieceNormalizer::Options read_sentence_piece_normalizer(const std::vector<nlohmann::json>& steps);

/// The table of rules in a Precompiled step.
/// @throws Error bad_model when it is not base64
std::string read_charsmap(const nlohmann::json& step);

}  // namespace bgem3
