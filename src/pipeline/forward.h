#pragma once

#include "bgem3/encoder.h"
#include "bgem3/packed_batch.h"
#include "model/batch_results.h"
#include "model/forward_options.h"
#include "model/model.h"

namespace bgem3 {

/// Whether dense vectors are made of first tokens alone.
bool needs_first_tokens_alone(const ModelConfig& config);

/// Components of a dense vector.
int64_t dense_size(const ModelConfig& config, const ForwardOptions& options);

/// From a batch to its results, all on the device, in the dtype of `encoder`, which is that of `model` or shares its
/// tensors. Nothing in it waits for a GPU.
BatchResults forward(const Model& model, const EncoderWeights& encoder, const PackedBatch& batch,
                     const ForwardOptions& options, const LayerHook& hook = {});

}  // namespace bgem3
