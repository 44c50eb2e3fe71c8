#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/error.h"
#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/words.h"

namespace bgem3 {

/// Pieces of a vocabulary, at most. XLM-R's has 250,000.
constexpr std::size_t pieces_max = 1 << 22;

/// All pieces of a vocabulary in one block of memory, by id.
class PieceTable {
 public:
  void add(std::string_view piece) {
    text_ += piece;
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }

  [[nodiscard]] std::string_view operator[](std::size_t id) const noexcept {
    const std::uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(text_).substr(begin, ends_[id] - begin);
  }

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;
};

/// What a tokenizer file holds, in the ids of Hugging Face: `<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3, pieces, `<mask>`.
struct Vocabulary {
  PieceTable pieces;
  std::vector<double> scores;  ///< log probabilities, one for each piece; special tokens have 0
  std::string charsmap;        ///< precompiled normalisation rules, as sentencepiece
                               ///< stores them; may be empty
  SpecialTokens special;
  std::vector<AddedToken> added_tokens;  ///< of tokenizer.json, with their ids
  std::optional<bool> truncate_left;     ///< likewise
  WordRule words = WordRule::split_white_space;
  std::optional<std::string_view> merged_space;  ///< what a run of spaces becomes before anything else
  bool strips_right = false;                     ///< white space at the end of a text is dropped first
  bool trims_offsets = false;                    ///< the post-processor takes white space off the places of tokens

  /// @throws Error bad_model for more than pieces_max
  void add(std::string_view piece, double score) {
    if (pieces.size() == pieces_max) {
      throw Error(ErrorCode::bad_model, "the vocabulary has more than " + std::to_string(pieces_max) + " pieces");
    }
    pieces.add(piece);
    scores.push_back(score);
  }
};

inline constexpr std::string_view special_names[] = {"<s>", "<pad>", "</s>", "<unk>"};
inline constexpr std::string_view mask_name = "<mask>";

/// Reads `sentencepiece.bpe.model`. Its ids lack `<pad>` and `<mask>` and are
/// shifted; they are brought into the order above.
/// @throws Error bad_model, naming what was found, when it is damaged or no unigram model with XLM-R's layout
Vocabulary read_sentencepiece_model(std::string_view bytes);

/// Reads `tokenizer.json`: all of it as written, or, as transformers 5 does for its class XLMRobertaTokenizer, pieces,
/// normalisation rules and added tokens alone.
/// @throws Error bad_model, naming what was found, when it is no Unigram model with XLM-R's special tokens, and when it
///         is to be run as written but has a component that is not known
Vocabulary read_tokenizer_json(std::string_view text, TokenizerPipeline pipeline);

}  // namespace bgem3
