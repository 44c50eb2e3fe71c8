#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "bgem3/detail/cpu_attention.h"
#include "bgem3/detail/projections.h"
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
  return packed.narrow(0, begin, texts * length).unflatten(0, {texts, length}).transpose(1, 2);
}

}  // namespace detail

/// Softmax attention inside each text of a packed batch: query, key, value [N, H, d] → [N, H, d], all of one dtype and
/// device. Each head of a row is contiguous, key and value have the same strides; rows may lie apart, as the parts of a
/// fused product do. Texts of equal length share one call; nothing is padded.
/// @throws c10::Error for other layouts, sizes that do not fit together, and offsets beyond the rows
inline at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   const PackedBatch& batch) {
  if (detail::cpu_attention_takes(query)) {
    return detail::cpu_attention(query, batch.offsets, key, value, batch.offsets);
  }
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
/// @throws c10::Error as packed_attention()
inline at::Tensor first_token_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                        const PackedBatch& batch) {
  if (detail::cpu_attention_takes(query)) {
    std::vector<std::int32_t> each(batch.offsets.size());
    std::iota(each.begin(), each.end(), 0);
    return detail::cpu_attention(query, each, key, value, batch.offsets);
  }
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

/// Multi-head self-attention with the residual, without the norm: hidden states [N, D] → [N, D].
inline at::Tensor self_attention(const at::Tensor& hidden, const PackedBatch& batch, const AttentionWeights& weights,
                                 int64_t heads) {
  const auto [query, key, value] = detail::project(hidden, weights, heads);
  return linear_add(packed_attention(query, key, value, batch).flatten(1), hidden, weights.output);
}

/// self_attention() of the first token of each text alone, in the last layer: hidden states [N, D] → [B, D].
inline at::Tensor first_token_self_attention(const at::Tensor& hidden, const PackedBatch& batch,
                                             const AttentionWeights& weights, int64_t heads) {
  const at::Tensor first = first_tokens(hidden, batch);
  const auto [query, key, value] = detail::project(first, hidden, weights, heads);
  return linear_add(first_token_attention(query, key, value, batch).flatten(1), first, weights.output);
}

}  // namespace bgem3
