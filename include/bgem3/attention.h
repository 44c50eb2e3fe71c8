#pragma once

#include <cstdint>
#include <span>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "bgem3/linear.h"
#include "bgem3/packed_batch.h"
#include "bgem3/weights.h"

namespace bgem3 {

namespace detail {

/// Calls attend(first, last, length) for each run of neighbours of equal length, which sorting by length makes common.
template <typename Attend>
void for_equal_lengths(const PackedBatch& batch, const Attend& attend) {
  for (int64_t first = 0, last = 0; first < batch.texts(); first = last) {
    const int64_t length = batch.length(first);
    while (last < batch.texts() && batch.length(last) == length) ++last;
    attend(first, last, length);
  }
}

/// Rows of `texts` texts, the first at row `begin`: packed [N, H, d] seen as [texts, H, length, d]. No copy.
inline at::Tensor split_texts(const at::Tensor& packed, int64_t begin, int64_t texts, int64_t length) {
  return packed.narrow(0, begin, texts * length).view({texts, length, packed.size(1), packed.size(2)}).transpose(1, 2);
}

}  // namespace detail

/// Softmax attention inside each text of a packed batch: query, key, value [N, H, d] → [N, H, d]. Texts of equal length
/// share one call; nothing is padded.
inline at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   const PackedBatch& batch) {
  at::Tensor context = at::empty_like(query);
  detail::for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto split = [&](const at::Tensor& packed) {
      return detail::split_texts(packed, batch.begin(first), last - first, length);
    };
    split(context).copy_(at::scaled_dot_product_attention(split(query), split(key), split(value)));
  });
  return context;
}

/// packed_attention() of the first token of each text alone: query [B, H, d], key and value [N, H, d] → [B, H, d].
inline at::Tensor first_token_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                        const PackedBatch& batch) {
  at::Tensor context = at::empty_like(query);
  detail::for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto all = [&](const at::Tensor& packed) {
      return detail::split_texts(packed, batch.begin(first), last - first, length);
    };
    const auto one = [&](const at::Tensor& rows) { return detail::split_texts(rows, first, last - first, 1); };
    one(context).copy_(at::scaled_dot_product_attention(one(query), all(key), all(value)));
  });
  return context;
}

namespace detail {

/// `rows` [n, D] through a layer, its output cut into heads: [n, H, d].
inline at::Tensor project(const at::Tensor& rows, const Linear& layer, int64_t heads) {
  return linear(rows, layer).view({rows.size(0), heads, -1});
}

}  // namespace detail

/// Multi-head self-attention with the residual, without the norm: hidden states [N, D] → [N, D].
inline at::Tensor self_attention(const at::Tensor& hidden, const PackedBatch& batch, const AttentionWeights& weights,
                                 int64_t heads) {
  const auto project = [&](const Linear& layer) { return detail::project(hidden, layer, heads); };
  const at::Tensor context =
      packed_attention(project(weights.query), project(weights.key), project(weights.value), batch);
  return linear_add(context.flatten(1), hidden, weights.output);
}

/// self_attention() of the first token of each text alone: hidden states [N, D] → [B, D].
inline at::Tensor first_token_self_attention(const at::Tensor& hidden, const PackedBatch& batch,
                                             const AttentionWeights& weights, int64_t heads) {
  const at::Tensor first = first_tokens(hidden, batch);
  const at::Tensor query = detail::project(first, weights.query, heads);
  const at::Tensor key = detail::project(hidden, weights.key, heads);
  const at::Tensor value = detail::project(hidden, weights.value, heads);
  return linear_add(first_token_attention(query, key, value, batch).flatten(1), first, weights.output);
}

}  // namespace bgem3
