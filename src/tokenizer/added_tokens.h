#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/models/double_array.h"

namespace bgem3 {

/// A token that is looked for in a text before anything else, as `<mask>`.
struct AddedToken {
  std::string content;
  std::optional<std::int32_t> id = std::nullopt;  ///< as the file says
  bool takes_space_before = false;                ///< `lstrip`: swallows the white space in front of it
  bool takes_space_after = false;                 ///< `rstrip`
  bool is_single_word = false;                    ///< not found where a letter or the like stands before or after it
  bool is_special = true;                         ///< decoding may leave it out
  bool is_normalized = false;                     ///< looked for in the normalised text instead of the text itself
};

/// Finds added tokens in a text as tokenizers does: from left to right, of those that begin at the same place the
/// longest.
class AddedTokenFinder {
 public:
  struct Match {
    std::size_t begin = 0, end = 0;  ///< with the white space that the token takes
    std::size_t resume = 0;          ///< where the search goes on, which does not know of that white space
    std::int32_t id = 0;

    /// Whether all of the token, which is white space, belongs to the match before it: then it does not count.
    [[nodiscard]] bool is_taken() const noexcept { return begin >= end; }
  };

  /// The ids of all are known. Normalisation may have made some of them empty; these are not found.
  /// @throws Error bad_model for two that it has made equal, of which tokenizers finds one by chance
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  [[nodiscard]] bool is_empty() const noexcept { return tokens_.empty(); }

  /// The next match in `text`, valid UTF-8, after `last`, which is the one before it or, at first, empty. It may begin
  /// before the end of that, in white space that `last` has taken.
  [[nodiscard]] std::optional<Match> find(std::string_view text, const Match& last) const noexcept;

 private:
  [[nodiscard]] static Match with_space(std::string_view text, Match match, const AddedToken& token,
                                        const Match& last) noexcept;
  [[nodiscard]] const AddedToken* longest_at(std::string_view text, std::size_t begin) const noexcept;
  [[nodiscard]] std::size_t next_candidate(std::string_view text, std::size_t from) const noexcept;

  std::vector<AddedToken> tokens_;  // sorted by content
  std::optional<DoubleArray> trie_;
  std::array<bool, 256> is_first_{};  // bytes with which a token begins
  std::optional<char> only_first_;    // the one, where all of them begin with the same
};

}  // namespace bgem3
