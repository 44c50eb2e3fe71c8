#pragma once

#include "bgem3/families/encoder.h"
#include "bgem3/tensors/packed_batch.h"
#include "model/batch_results.h"
#include "model/model.h"

namespace bgem3 {

/// Whether dense vectors are made of first tokens alone.
bool needs_first_tokens_alone(const ModelConfig& config);

/// Components of a dense vector.
int64_t dense_size(const ModelConfig& config, const Outputs& outputs);

/// From a batch to its results, all on the device. Nothing in it waits for a GPU.
BatchResults forward(const Model& model, const PackedBatch& batch, const Outputs& outputs,
                     const EncoderOptions& options);

}  // namespace bgem3
