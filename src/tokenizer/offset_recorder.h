#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/normalizers/alignment.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// Notes the places of a text's tokens while it is taken apart: those of its ids, in the same order.
class OffsetRecorder {
 public:
  /// @param text  valid UTF-8
  explicit OffsetRecorder(std::string_view text) noexcept : text_(text) {}

  /// Special tokens that were put in.
  void add_special(std::size_t count) { offsets_.resize(offsets_.size() + count); }

  /// An added token found in the text itself.
  void add_token(std::size_t begin, std::size_t end);

  /// An added token found in the normal form, of which alignment() is.
  void add_normal_token(std::size_t begin, std::size_t end);

  /// The tokens of the cursor's word, with ends() in it, which are used up.
  /// @param begin  of the cursor's text in the normal form
  void add_word(const WordCursor& cursor, std::size_t begin);

  /// Of the part that is being taken apart.
  [[nodiscard]] Alignment& alignment() noexcept { return alignment_; }

  /// Where `part`, a view into the text, begins in it.
  [[nodiscard]] std::size_t begin_of(std::string_view part) const noexcept {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

  /// Where the tokens of the next word end in it.
  [[nodiscard]] std::vector<std::size_t>& ends() noexcept { return ends_; }

  [[nodiscard]] std::vector<TokenOffsets>& offsets() noexcept { return offsets_; }

 private:
  [[nodiscard]] std::size_t end_of_character(std::size_t begin) const noexcept;

  std::string_view text_;
  std::int32_t words_ = 0;
  Alignment alignment_;
  std::vector<std::size_t> ends_;
  std::vector<TokenOffsets> offsets_;
};

}  // namespace bgem3
