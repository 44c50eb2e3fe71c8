#pragma once

#include <span>
#include <string_view>

#include "bgem3/bgem3.h"
#include "model/model.h"

namespace bgem3 {

/// One call of Embedder::encode: tokenise → plan batches → run each → restore input order. Running out of memory is
/// answered here, and only here, by halving the batch.
Embeddings run_pipeline(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                        const EncodeOptions& options);

/// The limit a call works with: the model's own for 0.
/// @throws Error invalid_argument when `max_length` is below 2 or above what the model has positions for
std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length);

}  // namespace bgem3
