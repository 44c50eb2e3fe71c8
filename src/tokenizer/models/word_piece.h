#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/models/double_array.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// Cuts a word from its beginning on, each time the longest piece of the vocabulary; pieces after the first bear a
/// prefix there. A word of which a part is no piece is unknown as a whole. Source: tokenizers, WordPiece.
class WordPiece final : public TokenModel {
 public:
  struct Options {
    std::int32_t unknown_id = 0;
    std::string continuing_prefix = "##";
    std::size_t characters_max = 100;  ///< a longer word is unknown
  };

  /// @throws Error bad_model for a vocabulary that is none
  WordPiece(const PieceTable& pieces, const Options& options);

  void segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
               std::vector<std::size_t>* ends) const override;

 private:
  struct Piece {
    std::int32_t id = -1;
    std::size_t size = 0;  // 0: there is none
  };

  [[nodiscard]] Piece longest(DoubleArray::Cursor cursor, std::string_view word) const noexcept;
  [[nodiscard]] bool is_too_long(std::string_view word) const noexcept;
  bool cut(std::string_view word, TokenIds& ids, std::vector<std::size_t>* ends) const;

  const std::int32_t unknown_id_;
  const std::size_t characters_max_;
  const DoubleArray trie_;
  std::optional<DoubleArray::Cursor> continuing_;  // after the prefix; nothing when no piece has it
};

/// The options in a WordPiece model of tokenizer.json, without the unknown token.
/// @throws Error bad_model when one is missing or of another kind
WordPiece::Options read_word_piece(const detail::JsonObject& component);

}  // namespace bgem3
