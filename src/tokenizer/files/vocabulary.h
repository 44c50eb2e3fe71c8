#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {

/// The kinds of models, as tokenizer.json names them.
inline constexpr std::string_view unigram_type = "Unigram";
inline constexpr std::string_view word_piece_type = "WordPiece";

/// The vocabulary of a file, by the ids of Hugging Face.
struct Vocabulary {
  std::string_view model_type = unigram_type;
  PieceTable pieces;
  std::vector<double> scores;  ///< log probabilities, one for each piece of a unigram model; special tokens have 0
  std::string charsmap;        ///< normalisation rules of a sentencepiece model, precompiled; may be empty
  std::size_t repeats = 0;     ///< pieces left empty, because they stand again further down

  /// @throws Error bad_model for more than pieces_max
  void add(std::string_view piece) {
    if (pieces.size() == pieces_max) {
      throw Error(ErrorCode::bad_model, "the vocabulary has more than " + std::to_string(pieces_max) + " pieces");
    }
    pieces.add(piece);
  }
  void add(std::string_view piece, double score) {
    add(piece);
    scores.push_back(score);
  }

  /// The id of a piece.
  [[nodiscard]] std::optional<std::int32_t> find(std::string_view piece) const noexcept {
    for (std::size_t id = 0; id < pieces.size(); ++id) {
      if (pieces[id] == piece) return static_cast<std::int32_t>(id);
    }
    return std::nullopt;
  }
};

/// The first pieces of XLM-RoBERTa, by id, and the last.
inline constexpr std::string_view special_names[] = {"<s>", "<pad>", "</s>", "<unk>"};
inline constexpr std::string_view mask_name = "<mask>";

/// Reads `sentencepiece.bpe.model`. Its ids lack `<pad>` and `<mask>` and are
/// shifted; they are brought into the order above.
/// @throws Error bad_model, naming what was found, when it is damaged or no unigram model with XLM-R's layout
Vocabulary read_sentencepiece_model(std::string_view bytes);

/// Reads `vocab.txt`: a piece a line, numbered from 0. Of a piece that stands there twice, the last line counts.
/// @throws Error bad_model when it is not UTF-8, or empty
Vocabulary read_vocab_txt(std::string_view text);

}  // namespace bgem3
