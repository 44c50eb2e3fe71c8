#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/double_array.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {

/// Cuts a word into the pieces of highest total log probability (Viterbi), as the Hugging Face tokenizer does: sums in
/// double precision from the start of the word, shorter pieces tried first, a later one only if strictly better. The
/// sentencepiece library sums floats over the whole text and decides near-ties otherwise.
class Unigram {
 public:
  static constexpr std::int32_t none = -1;

  /// The best way to reach a position in a word.
  struct Node {
    double score = 0;
    std::uint32_t length = 0;  ///< of the piece that ends here
    std::int32_t id = none;    ///< that piece
  };
  using Scratch = std::vector<Node>;  ///< working memory, kept between words to save allocations

  explicit Unigram(const Vocabulary& vocabulary);

  /// Appends the ids of one word (valid UTF-8), at least until there are `ids_max`. Neighbouring unknown characters
  /// become one `<unk>`.
  /// @param ends  takes the end in the word of each of them, unless it is null
  void segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
               std::vector<std::size_t>* ends = nullptr) const;

 private:
  std::size_t search(std::string_view word, std::size_t begin, double& score, Scratch& nodes) const;
  void take_path(const Scratch& nodes, bool& after_unknown, TokenIds& ids) const;
  void take_ends(const Scratch& nodes, std::size_t begin, bool after_unknown, std::vector<std::size_t>& ends) const;

  DoubleArray trie_;
  std::vector<double> scores_;
  double unknown_score_;
  std::int32_t unknown_id_;
};

}  // namespace bgem3
