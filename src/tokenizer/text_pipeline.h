#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/alignment.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/offset_recorder.h"
#include "tokenizer/unigram.h"
#include "tokenizer/words.h"

namespace bgem3 {

struct Vocabulary;

/// From a text to its ids, in the steps of tokenizers: added tokens, normalizer, words, model, special tokens.
class TextPipeline {
 public:
  /// Working memory of one thread.
  struct Scratch {
    std::string prompted;
    std::string normal;
    std::string word;
    Unigram::Scratch unigram;
    std::stop_token stop;
    OffsetRecorder* recorder = nullptr;  // where places are wanted

    Alignment* alignment() noexcept { return recorder != nullptr ? &recorder->alignment() : nullptr; }
  };

  TextPipeline(const Vocabulary& vocabulary, const std::vector<AddedToken>& tokens, const SpecialTokens& special,
               bool truncate_left);

  /// Tokenizer::encode
  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length, Scratch& scratch) const;

  /// encode() of the two texts in one: tokens may reach across the end of the prompt.
  [[nodiscard]] TokenIds encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                                Scratch& scratch) const;

  /// Tokenizer::encode_with_offsets
  [[nodiscard]] TokensWithOffsets encode_with_offsets(std::string_view text, std::size_t max_length,
                                                      const std::stop_token& stop) const;

 private:
  template <typename Tokens>
  void cut(Tokens& tokens, std::size_t room) const;
  void normalize(std::string_view part, bool is_end, Scratch& scratch) const;
  void strip_end(std::string& normal, Alignment* alignment) const;
  void merge_runs(std::string& normal, Alignment* alignment) const;
  void encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_normal(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_words(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;

  const WordRule words_;
  const std::optional<std::string_view> merged_space_;
  const bool strips_right_;
  const bool truncate_left_;
  const SpecialTokens special_;
  const Normalizer normalizer_;
  const Unigram unigram_;
  AddedTokenFinder raw_tokens_{{}};
  AddedTokenFinder normalized_tokens_{{}};
  bool may_reach_past_spaces_ = false;  // one of these, so that texts cannot be taken apart at spaces
};

}  // namespace bgem3
