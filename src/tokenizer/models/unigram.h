#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "tokenizer/models/double_array.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {

/// Cuts a word into the pieces of highest total log probability (Viterbi), as the Hugging Face tokenizer does: sums in
/// double precision from the start of the word, shorter pieces tried first, a later one only if strictly better. The
/// sentencepiece library sums floats over the whole text and decides near-ties otherwise.
class Unigram final : public TokenModel {
 public:
  /// @param scores  log probabilities, one for each piece
  /// @throws Error bad_model for a vocabulary that is none
  Unigram(const PieceTable& pieces, std::vector<double> scores, std::int32_t unknown_id);

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override;

  /// Neighbouring unknown characters become one unknown token.
  void segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
               std::vector<std::size_t>* ends) const override;

 private:
  static constexpr std::int32_t none = -1;

  /// The best way to reach a position in a word.
  struct Node {
    double score = 0;
    std::uint32_t length = 0;  ///< of the piece that ends here
    std::int32_t id = none;    ///< that piece
  };
  using Nodes = std::vector<Node>;
  struct Memory;

  std::size_t search(std::string_view word, std::size_t begin, double& score, Nodes& nodes) const;
  void take_path(const Nodes& nodes, bool& after_unknown, TokenIds& ids) const;
  void take_ends(const Nodes& nodes, std::size_t begin, bool after_unknown, std::vector<std::size_t>& ends) const;

  DoubleArray trie_;
  std::vector<double> scores_;
  double unknown_score_;
  std::int32_t unknown_id_;
};

}  // namespace bgem3
