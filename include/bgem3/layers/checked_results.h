#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "bgem3/kernels/cuda_ops.h"
#include "bgem3/layers/heads.h"
#include "bgem3/layers/pooling.h"
#include "bgem3/tensors/packed_batch.h"

namespace bgem3::detail {

// The last steps before results leave the device. They tell of NaN and infinity, float16's answer to numbers above
// 65504: a flag `non_finite` [1] int32 goes from 0 to 1, on the device, where it is read together with the results.

/// The flag, beside the hidden states of a batch.
inline at::Tensor make_non_finite_flag(const at::Tensor& hidden) {
  return at::zeros({1}, hidden.options().dtype(at::kInt));
}

/// On the CPU; one such value makes the sum one.
inline void check_finite(const at::Tensor& values, const at::Tensor& non_finite) {
  if (!std::isfinite(values.sum().item<float>())) non_finite.fill_(1);
}

/// The first `size` components of each row, L2-normalised if asked: [n, D] → float32 [n, size].
inline at::Tensor checked_vectors(const at::Tensor& rows, int64_t size, bool normalize, const at::Tensor& non_finite) {
  if (on_gpu(rows)) return CudaOps::get().truncate_normalize(rows, std::nullopt, size, normalize, non_finite);
  const at::Tensor kept = truncate(rows, size);
  at::Tensor finished = normalize ? l2_normalize(kept) : kept;
  check_finite(finished, non_finite);
  return finished;
}

/// CLS pooling, then checked_vectors(): [N, D] → float32 [B, size].
inline at::Tensor checked_first_tokens(const at::Tensor& hidden, const PackedBatch& batch, int64_t size, bool normalize,
                                       const at::Tensor& non_finite) {
  if (!on_gpu(hidden)) return checked_vectors(first_tokens(hidden, batch), size, normalize, non_finite);
  const at::Tensor first = batch.device_offsets.narrow(0, 0, batch.texts());
  return CudaOps::get().truncate_normalize(hidden, first, size, normalize, non_finite);
}

/// token_weights(): [N, D] → float32 [N].
inline at::Tensor checked_token_weights(const at::Tensor& hidden, const Linear& sparse_linear,
                                        const at::Tensor& non_finite) {
  if (on_gpu(hidden)) {
    const PlainWeight& weight = *sparse_linear.plain();
    return CudaOps::get().token_weights(hidden, weight.weight(), weight.bias(), non_finite);
  }
  at::Tensor weights = token_weights(hidden, sparse_linear);
  check_finite(weights, non_finite);
  return weights;
}

}  // namespace bgem3::detail
