#pragma once

#include <algorithm>

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>

#include "bgem3/config.h"
#include "bgem3/packed_batch.h"

namespace bgem3 {

/// One vector for each text: hidden states [N, D] → [B, D], same dtype and device. CLS takes the first row of a text,
/// mean the average of all.
inline at::Tensor pool(const at::Tensor& hidden, const PackedBatch& batch, Pooling pooling) {
  if (pooling == Pooling::cls) return first_tokens(hidden, batch);
  at::Tensor pooled = at::empty({batch.texts(), hidden.size(1)}, hidden.options());
  for (int64_t text = 0; text < batch.texts(); ++text) {
    pooled[text].copy_(hidden.narrow(0, batch.begin(text), batch.length(text)).mean(0));
  }
  return pooled;
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
