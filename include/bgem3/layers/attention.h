#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "bgem3/kernels/cpu_attention.h"
#include "bgem3/kernels/cuda_ops.h"
#include "bgem3/tensors/packed_batch.h"

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

/// The biases [H, queries, keys] of a text's first queries and all its keys. A copy.
inline at::Tensor spread_bias(const at::Tensor& relative_bias, int64_t queries, int64_t keys) {
  const int64_t first = relative_bias.size(1) / 2 - (keys - 1);  // of query 0 and the last key
  return relative_bias.narrow(1, first, queries + keys - 1).unfold(1, keys, 1).flip(2);
}

/// Attention of texts of one length: query [texts, H, queries, d], key and value [texts, H, keys, d].
inline at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& relative_bias) {
  if (!relative_bias.defined()) return at::scaled_dot_product_attention(query, key, value);
  const at::Tensor bias = spread_bias(relative_bias, query.size(2), key.size(2)).to(query.scalar_type());
  return at::scaled_dot_product_attention(query, key, value, bias.unsqueeze(0));
}

/// packed_attention() by LibTorch, for what no kernel of ours takes.
inline at::Tensor attention_of_equal_lengths(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                             const PackedBatch& batch, const at::Tensor& relative_bias) {
  at::Tensor context = at::empty_like(query);
  for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto split = [&](const at::Tensor& packed) {
      return split_texts(packed, batch.begin(first), last - first, length);
    };
    split(context).copy_(attend(split(query), split(key), split(value), relative_bias));
  });
  return context;
}

/// first_token_attention() in the same way.
inline at::Tensor first_token_attention_of_equal_lengths(const at::Tensor& query, const at::Tensor& key,
                                                         const at::Tensor& value, const PackedBatch& batch,
                                                         const at::Tensor& relative_bias) {
  at::Tensor context = at::empty_like(query);
  for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto all = [&](const at::Tensor& packed) {
      return split_texts(packed, batch.begin(first), last - first, length);
    };
    const auto one = [&](const at::Tensor& rows) { return split_texts(rows, first, last - first, 1); };
    one(context).copy_(attend(one(query), all(key), all(value), relative_bias));
  });
  return context;
}

}  // namespace detail

/// [n, D] seen as [n, H, d].
inline at::Tensor split_heads(const at::Tensor& rows, int64_t heads) {
  return rows.unflatten(1, {heads, rows.size(1) / heads});
}

/// Softmax attention inside each text of a packed batch: query, key, value [N, H, d] → [N, H, d], all of one dtype and
/// device. Each head of a row is contiguous, key and value have the same strides; rows may lie apart, as the parts of a
/// fused product do. Nothing is padded.
///
/// `relative_bias` [H, 2 L - 1], float32, for texts of at most L tokens, is added to the scaled scores: column
/// L - 1 + q - k to that of the query at position q and the key at position k. Undefined: nothing is.
/// @throws c10::Error for other layouts, sizes that do not fit together, and offsets beyond the rows
inline at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   const PackedBatch& batch, const at::Tensor& relative_bias = {}) {
  if (detail::on_gpu(query) && !relative_bias.defined()) {
    const auto& offsets = batch.device_offsets;
    const int64_t longest = batch.longest();
    return detail::CudaOps::get().varlen_attention(query, offsets, longest, key, value, offsets, longest);
  }
  if (detail::cpu_attention_takes(query)) {
    return detail::cpu_attention(query, batch.offsets, key, value, batch.offsets, relative_bias);
  }
  return detail::attention_of_equal_lengths(query, key, value, batch, relative_bias);
}

/// The most bytes that packed_attention() holds for each token beside its inputs and result: its scores where LibTorch
/// adds the bias on a GPU.
inline int64_t attention_bytes_per_token(const at::Tensor& relative_bias) {
  if (!relative_bias.defined() || !detail::on_gpu(relative_bias)) return 0;
  return relative_bias.size(0) * (relative_bias.size(1) / 2 + 1) * static_cast<int64_t>(sizeof(float));
}

/// packed_attention() of the first token of each text alone: query [B, H, d], key and value [N, H, d] → [B, H, d].
/// @throws c10::Error as packed_attention()
inline at::Tensor first_token_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                        const PackedBatch& batch, const at::Tensor& relative_bias = {}) {
  if (detail::on_gpu(query) && !relative_bias.defined()) {
    const auto& offsets = batch.device_offsets;
    const at::Tensor one_each = at::arange(batch.texts() + 1, offsets.options());
    return detail::CudaOps::get().varlen_attention(query, one_each, 1, key, value, offsets, batch.longest());
  }
  if (detail::cpu_attention_takes(query)) {
    std::vector<std::int32_t> each(batch.offsets.size());
    std::iota(each.begin(), each.end(), 0);
    return detail::cpu_attention(query, each, key, value, batch.offsets, relative_bias);
  }
  return detail::first_token_attention_of_equal_lengths(query, key, value, batch, relative_bias);
}

}  // namespace bgem3
