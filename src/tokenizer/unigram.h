#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/double_array.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {

/// Cuts a word into the pieces of highest total log probability (Viterbi), as
/// the Hugging Face tokenizer does: sums in double precision from the start of
/// the word, shorter pieces tried first, a later one only if strictly better.
/// The sentencepiece library sums floats over the whole text and decides
/// near-ties otherwise.
class Unigram {
 public:
  /// Working memory of segment(), kept between words to save allocations.
  struct Scratch {
    struct Node {
      double score;
      std::uint32_t start;  // where the best piece that ends here begins
      std::int32_t id;      // that piece; none_ while nothing ends here
    };
    std::vector<Node> nodes;
  };

  explicit Unigram(const Vocabulary& vocabulary);

  /// Appends the ids of one word (valid UTF-8). Neighbouring unknown characters
  /// become one `<unk>`.
  void segment(std::string_view word, Scratch& scratch, TokenIds& ids) const;

 private:
  static constexpr std::int32_t none = -1;

  void search(std::string_view word, Scratch& scratch) const;

  DoubleArray trie_;
  std::vector<double> scores_;
  double unknown_score_;
  std::int32_t unknown_id_;
};

}  // namespace bgem3
