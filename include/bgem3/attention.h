#pragma once

#include <cstdint>
#include <span>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "bgem3/linear.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Softmax attention inside each text of a packed batch: query, key, value [N, H, d] → [N, H, d].
///
/// Neighbours of equal length, which sorting by length makes common, share one call; nothing is padded.
inline at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   const PackedBatch& batch) {
  at::Tensor context = at::empty_like(query);
  for (int64_t first = 0, last = 0; first < batch.texts(); first = last) {
    const int64_t length = batch.length(first);
    while (last < batch.texts() && batch.length(last) == length) ++last;
    const int64_t begin = batch.offsets[static_cast<size_t>(first)];
    const int64_t rows = (last - first) * length;
    // [rows, H, d] seen as [texts, H, length, d]; a view, no copy.
    const auto split = [&](const at::Tensor& packed) {
      return packed.narrow(0, begin, rows).view({last - first, length, packed.size(1), packed.size(2)}).transpose(1, 2);
    };
    split(context).copy_(at::scaled_dot_product_attention(split(query), split(key), split(value)));
  }
  return context;
}

/// Multi-head self-attention with the residual, without the norm: hidden states [N, D] → [N, D].
inline at::Tensor self_attention(const at::Tensor& hidden, const PackedBatch& batch, const AttentionWeights& weights,
                                 int64_t heads) {
  const auto project = [&](const Linear& layer) { return linear(hidden, layer).view({hidden.size(0), heads, -1}); };
  const at::Tensor context =
      packed_attention(project(weights.query), project(weights.key), project(weights.value), batch);
  return linear_add(context.flatten(1), hidden, weights.output);
}

}  // namespace bgem3
