#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"

namespace bgem3::detail {

/// Whether cpu_attention() takes tensors like this: on the CPU, in float32 with AVX2 or bfloat16 with AVX512-BF16.
BGEM3_API bool cpu_attention_takes(const at::Tensor& query);

/// Softmax attention inside each of B texts: query [Nq, H, d], key and value [N, H, d], whose rows may lie apart, →
/// [Nq, H, d]. Text k has query rows query_offsets[k] … query_offsets[k + 1], and key_offsets[k] … of the others.
/// `relative_bias`, float32, as of packed_attention(); a text's queries are those of its first tokens.
BGEM3_API at::Tensor cpu_attention(const at::Tensor& query, std::span<const std::int32_t> query_offsets,
                                   const at::Tensor& key, const at::Tensor& value,
                                   std::span<const std::int32_t> key_offsets, const at::Tensor& relative_bias = {});

}  // namespace bgem3::detail
