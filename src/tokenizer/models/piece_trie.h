#pragma once

#include "tokenizer/models/double_array.h"
#include "tokenizer/piece_table.h"

namespace bgem3 {

/// The ids of pieces by their bytes. An empty piece, which no text has, is left out.
/// @throws Error bad_model for a piece that has a NUL in it, is not UTF-8 or occurs twice
DoubleArray build_piece_trie(const PieceTable& pieces);

}  // namespace bgem3
