#pragma once

#include <cstdint>

#include "tokenizer/code_table.h"

/// Characters as the BERT steps of tokenizers see them. Their Unicode tables are of several versions, so a library with
/// one version gives other ids on a text in twenty.
namespace bgem3::detail {

/// What canonical decomposition leaves of a character without its marks; 0 after the last part.
struct Decomposition {
  std::uint32_t first;
  std::uint32_t parts[3];
};

/// Characters with a canonical combining class other than 0.
struct Nonstarters {
  std::uint32_t first, last;
  std::uint8_t rank;
};

/// Every `step`th character from `first` to `last` has its small letter at `distance`.
struct LetterRange {
  std::uint32_t first, last, step;
  std::int32_t distance;
};

#include "tokenizer/normalizers/bert_characters.inc"

}  // namespace bgem3::detail
