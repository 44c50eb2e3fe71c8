#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "bgem3/bgem3.h"
#include "model/forward_options.h"
#include "model/loaded_model.h"
#include "pipeline/tokenize_ahead.h"

namespace bgem3 {

/// Embedder::validate
void check_options(const LoadedModel& loaded, const EncodeOptions& options);

/// The limit a call works with: the model's own for 0.
/// @throws Error invalid_argument when `max_length` is below 2 or above what the model has positions for
std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length);

/// What a call computes of each batch.
ForwardOptions forward_options(const ModelConfig& config, const EncodeOptions& options);

/// Refuses a text that is empty or longer than `max_length`, and ids outside the vocabulary. The message calls it
/// `kind` `number` of the call.
/// @throws Error invalid_argument
void check_ids(const ModelConfig& config, const TokenIds& ids, std::size_t max_length, std::string_view kind,
               std::size_t number);

/// One call of Embedder::encode: tokenise → plan batches → run each → restore input order.
Embeddings run_pipeline(const LoadedModel& loaded, std::span<const std::string_view> texts,
                        const EncodeOptions& options);

/// The same with chunks of other sizes than those chosen for the devices.
Embeddings run_pipeline(const LoadedModel& loaded, std::span<const std::string_view> texts,
                        const EncodeOptions& options, const ChunkSizes& chunks);

/// One call of Embedder::encode_ids: the same from the ids on, which it checks.
Embeddings run_pipeline(const LoadedModel& loaded, std::vector<TokenIds> ids, const EncodeOptions& options);

}  // namespace bgem3
