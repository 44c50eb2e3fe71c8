#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/models/byte_pairs.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {

/// The kinds of models, as tokenizer.json names them.
inline constexpr std::string_view unigram_type = "Unigram";
inline constexpr std::string_view word_piece_type = "WordPiece";
inline constexpr std::string_view byte_pair_type = "BPE";

/// The vocabulary of a file, by the ids of Hugging Face.
struct Vocabulary {
  std::string_view model_type = unigram_type;
  PieceTable pieces;
  std::vector<double> scores;  ///< log probabilities, one for each piece of a unigram model; special tokens have 0
  std::string charsmap;        ///< normalisation rules of a sentencepiece model, precompiled; may be empty
  std::vector<BytePairs::Merge> merges;  ///< of a BPE model, the first one first
  std::size_t repeats = 0;               ///< pieces left empty, because they stand again further down

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

  /// @throws Error bad_model for more than pieces_max
  void add_merge(BytePairs::Merge merge) {
    if (merges.size() == pieces_max) {
      throw Error(ErrorCode::bad_model, "the vocabulary has more than " + std::to_string(pieces_max) + " merges");
    }
    merges.push_back(std::move(merge));
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

/// Reads `vocab.json`: an object of pieces with their ids, of a BPE model, whose merges are in another file.
/// @throws Error bad_model when it is not JSON or something else
Vocabulary read_vocab_json(std::string_view text);

/// Reads `merges.txt`: the two pieces of a merge a line, with a space between them.
/// @throws Error bad_model for a line that is none
void read_merges_txt(std::string_view text, Vocabulary& vocabulary);

/// The two pieces of such a line; nothing when it has more or less.
std::optional<BytePairs::Merge> split_merge(std::string_view line);

/// Takes the pieces of an object that has their ids, which are to be the numbers from 0 on.
/// @param place  of the object, for messages
/// @throws Error bad_model when they are not
void take_numbered_pieces(const nlohmann::json& entries, std::string_view place, Vocabulary& vocabulary);

}  // namespace bgem3
