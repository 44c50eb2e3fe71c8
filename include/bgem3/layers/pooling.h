#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>

#include "bgem3/config.h"
#include "bgem3/kernels/cuda_ops.h"
#include "bgem3/tensors/packed_batch.h"

namespace bgem3 {

/// The row of the first token of each text: packed [N, …] → [B, …], a copy.
inline at::Tensor first_tokens(const at::Tensor& packed, const PackedBatch& batch) {
  if (detail::on_gpu(packed)) return packed.index_select(0, batch.device_offsets.narrow(0, 0, batch.texts()));
  const at::Tensor rows = at::empty({batch.texts()}, at::kLong);
  std::copy_n(batch.offsets.begin(), batch.texts(), rows.mutable_data_ptr<int64_t>());
  return packed.index_select(0, rows);
}

namespace detail {

/// The vector [D] of one text of hidden states [n, D], in float32.
inline at::Tensor pool_text(const at::Tensor& hidden, Pooling pooling) {
  const int64_t n = hidden.size(0);
  switch (pooling) {
    case Pooling::cls: return hidden[0].to(at::kFloat);
    case Pooling::max: return hidden.amax(0).to(at::kFloat);
    case Pooling::mean: return hidden.mean(0, /*keepdim=*/false, at::kFloat);
    case Pooling::mean_sqrt_len:
      return hidden.sum(0, /*keepdim=*/false, at::kFloat).div_(std::sqrt(static_cast<double>(n)));
    case Pooling::weighted_mean: {
      const at::Tensor weights = at::arange(1, n + 1, hidden.options().dtype(at::kFloat)).unsqueeze(1);
      return hidden.to(at::kFloat).mul(weights).sum(0).div_(weights.sum());
    }
    case Pooling::last_token: return hidden[n - 1].to(at::kFloat);
  }
  return {};
}

}  // namespace detail

/// One vector for each text: hidden states [N, D] → [B, D], on the same device; CLS of the same dtype, others in
/// float32.
inline at::Tensor pool(const at::Tensor& hidden, const PackedBatch& batch, Pooling pooling) {
  if (pooling == Pooling::cls) return first_tokens(hidden, batch);
  at::Tensor pooled = at::empty({batch.texts(), hidden.size(1)}, hidden.options().dtype(at::kFloat));
  for (int64_t text = 0; text < batch.texts(); ++text) {
    pooled[text].copy_(detail::pool_text(hidden.narrow(0, batch.begin(text), batch.length(text)), pooling));
  }
  return pooled;
}

/// The vectors of each pooling, concatenated: hidden states [N, D] → [B, poolings × D], as above.
inline at::Tensor pool(const at::Tensor& hidden, const PackedBatch& batch, const std::vector<Pooling>& poolings) {
  if (poolings.size() == 1) return pool(hidden, batch, poolings.front());
  std::vector<at::Tensor> parts;
  parts.reserve(poolings.size());
  for (const auto pooling : poolings) parts.push_back(pool(hidden, batch, pooling).to(at::kFloat));
  return at::cat(parts, 1);
}

/// The first `dim` components of each row, as Matryoshka models allow; 0 keeps all.
inline at::Tensor truncate(const at::Tensor& vectors, int64_t dim) {
  return dim == 0 ? vectors : vectors.narrow(1, 0, std::min(dim, vectors.size(1)));
}

/// Rows divided by their L2 norm, at least 1e-12, as torch.nn.functional.normalize does.
inline at::Tensor l2_normalize(const at::Tensor& vectors) {
  return vectors.div(at::linalg_vector_norm(vectors, 2, /*dim=*/{1}, /*keepdim=*/true).clamp_min(1e-12));
}

}  // namespace bgem3
