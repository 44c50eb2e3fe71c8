#pragma once

#include "bgem3/encoder.h"
#include "bgem3/packed_batch.h"
#include "model/batch_results.h"
#include "model/model.h"

namespace bgem3 {

/// Components of each vector of the model's `full`.
int64_t kept_size(const Outputs& outputs, int64_t full);

/// From a batch to its results, all on the device, in the dtype of `encoder`, which is that of `model` or shares its
/// tensors. Nothing in it waits for a GPU.
BatchResults forward(const Model& model, const EncoderWeights& encoder, const PackedBatch& batch,
                     const Outputs& outputs, const LayerHook& hook = {});

}  // namespace bgem3
