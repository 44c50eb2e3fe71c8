#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace bgem3::cuda {

/// Softmax attention inside each of B texts: query [Nq, H, d], key and value [N, H, d], whose rows may lie apart, →
/// [Nq, H, d]. Text k has rows query_offsets[k] … query_offsets[k + 1] of the query and key_offsets[k] … of the others;
/// offsets [B + 1] int32 on the device, `query_max` and `key_max` the most rows of one text, on the host.
///
/// `kernel`: "short" (texts of at most 64 tokens, heads of 32 or 64; compute capability 8.0 and up, half precision),
/// "long" (heads of 64; 9.0, half precision), "flash" (8.0 and up, half precision), "efficient" (every device and
/// dtype), or "auto", the fastest that takes the input.
at::Tensor varlen_attention(const at::Tensor& query, const at::Tensor& query_offsets, int64_t query_max,
                            const at::Tensor& key, const at::Tensor& value, const at::Tensor& key_offsets,
                            int64_t key_max, std::string_view kernel);

}  // namespace bgem3::cuda
