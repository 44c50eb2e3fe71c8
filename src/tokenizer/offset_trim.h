#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {

/// That tokens are placed without the spaces at their ends. Source: tokenizers, RobertaProcessing.
struct OffsetTrim {
  bool keeps_first = false;  ///< a space at the beginning of the text's first token, which was put before the text
};

/// Trims the places of tokens in `text`, valid UTF-8.
/// @param pieces  by id
/// @param special  the tokens before and after those of the text, which stay
void trim_offsets(const OffsetTrim& trim, std::string_view text, const PieceTable& pieces, const TokenTemplate& special,
                  TokensWithOffsets& tokens);

}  // namespace bgem3
