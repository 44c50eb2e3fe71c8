#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bgem3/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoders/decoder.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/normalizers/normalizer.h"
#include "tokenizer/offset_trim.h"
#include "tokenizer/piece_table.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// What a text goes through, in this order, and what was read with it.
struct TokenizerSteps {
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const TokenModel> model;
  TokenTemplate around;
  std::unique_ptr<const Decoder> decoder;  ///< the way back; null for one that is not known

  PieceTable pieces;                     ///< of the model
  std::int32_t unknown_id = -1;          ///< a piece; -1: none, as all texts have pieces
  std::optional<std::string> pad_token;  ///< where the steps name one
  std::optional<OffsetTrim> trim;        ///< nothing: places of tokens have their spaces
};

}  // namespace bgem3
