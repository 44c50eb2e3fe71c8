#pragma once

#include "bgem3/families/encoder.h"
#include "bgem3/tensors/packed_batch.h"
#include "model/batch_results.h"
#include "model/forward_options.h"
#include "model/model.h"

namespace bgem3 {

/// Whether dense vectors are made of first tokens alone.
bool needs_first_tokens_alone(const ModelConfig& config);

/// Components of a dense vector.
int64_t dense_size(const ModelConfig& config, const ForwardOptions& options);

/// From a batch to its results, all on the device. Nothing in it waits for a GPU.
BatchResults forward(const Model& model, const PackedBatch& batch, const ForwardOptions& options,
                     const EncoderOptions& how);

}  // namespace bgem3
