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

/// packed_attention() by LibTorch, for what no kernel of ours takes.
inline at::Tensor attention_of_equal_lengths(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                             const PackedBatch& batch) {
  at::Tensor context = at::empty_like(query);
  for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto split = [&](const at::Tensor& packed) {
      return split_texts(packed, batch.begin(first), last - first, length);
    };
    split(context).copy_(at::scaled_dot_product_attention(split(query), split(key), split(value)));
  });
  return context;
}

/// first_token_attention() in the same way.
inline at::Tensor first_token_attention_of_equal_lengths(const at::Tensor& query, const at::Tensor& key,
                                                         const at::Tensor& value, const PackedBatch& batch) {
  at::Tensor context = at::empty_like(query);
  for_equal_lengths(batch, [&](int64_t first, int64_t last, int64_t length) {
    const auto all = [&](const at::Tensor& packed) {
      return split_texts(packed, batch.begin(first), last - first, length);
    };
    const auto one = [&](const at::Tensor& rows) { return split_texts(rows, first, last - first, 1); };
    one(context).copy_(at::scaled_dot_product_attention(one(query), all(key), all(value)));
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
/// @throws c10::Error for other layouts, sizes that do not fit together, and offsets beyond the rows
inline at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   const PackedBatch& batch) {
  if (detail::on_gpu(query)) {
    const auto& offsets = batch.device_offsets;
    const int64_t longest = batch.longest();
    return detail::CudaOps::get().varlen_attention(query, offsets, longest, key, value, offsets, longest);
  }
  if (detail::cpu_attention_takes(query)) {
    return detail::cpu_attention(query, batch.offsets, key, value, batch.offsets);
  }
  return detail::attention_of_equal_lengths(query, key, value, batch);
}

/// packed_attention() of the first token of each text alone: query [B, H, d], key and value [N, H, d] → [B, H, d].
/// @throws c10::Error as packed_attention()
inline at::Tensor first_token_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                        const PackedBatch& batch) {
  if (detail::on_gpu(query)) {
    const auto& offsets = batch.device_offsets;
    const at::Tensor one_each = at::arange(batch.texts() + 1, offsets.options());
    return detail::CudaOps::get().varlen_attention(query, one_each, 1, key, value, offsets, batch.longest());
  }
  if (detail::cpu_attention_takes(query)) {
    std::vector<std::int32_t> each(batch.offsets.size());
    std::iota(each.begin(), each.end(), 0);
    return detail::cpu_attention(query, each, key, value, batch.offsets);
  }
  return detail::first_token_attention_of_equal_lengths(query, key, value, batch);
}

}  // namespace bgem3
