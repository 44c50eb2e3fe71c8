#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/offset_recorder.h"
#include "tokenizer/tokenizer_steps.h"

namespace bgem3 {

/// From a text to its ids, in the steps of tokenizers: added tokens, normalizer, words, model, special tokens.
class TextPipeline {
 public:
  /// Working memory of one thread.
  struct Scratch {
    std::string prompted;
    std::string normal;
    std::string word;
    std::unique_ptr<TokenModel::Scratch> model;
    std::stop_token stop;
    OffsetRecorder* recorder = nullptr;  // where places are wanted
  };

  /// @param tokens  with their ids
  /// @throws Error bad_model as AddedTokenFinder
  TextPipeline(TokenizerSteps steps, const std::vector<AddedToken>& tokens, bool truncate_left);

  [[nodiscard]] const TokenizerSteps& steps() const noexcept { return steps_; }

  [[nodiscard]] Scratch make_scratch(std::stop_token stop = {}) const;

  /// Tokenizer::encode
  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length, Scratch& scratch) const;

  /// encode() of the two texts in one: tokens may reach across the end of the prompt.
  [[nodiscard]] TokenIds encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                                Scratch& scratch) const;

  /// Tokenizer::encode_with_offsets
  /// @param pieces  by id, added tokens included
  [[nodiscard]] TokensWithOffsets encode_with_offsets(std::string_view text, std::size_t max_length,
                                                      const PieceTable& pieces, const std::stop_token& stop) const;

 private:
  template <typename Tokens>
  void cut(Tokens& tokens, std::size_t room) const;
  void normalize(std::string_view part, bool is_end, Scratch& scratch) const;
  void encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_normal(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_words(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;

  const TokenizerSteps steps_;
  const bool truncate_left_;
  AddedTokenFinder raw_tokens_{{}};
  AddedTokenFinder normalized_tokens_{{}};
  bool may_reach_past_spaces_ = false;  // one of these, so that texts cannot be taken apart at spaces
};

}  // namespace bgem3
