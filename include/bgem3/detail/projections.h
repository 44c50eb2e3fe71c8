#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "bgem3/linear.h"
#include "bgem3/weights.h"

namespace bgem3::detail {

/// [n, D] seen as [n, H, d].
inline at::Tensor split_heads(const at::Tensor& rows, int64_t heads) {
  return rows.unflatten(1, {heads, rows.size(1) / heads});
}

/// Each [N, H, d], or for queries of first tokens alone [B, H, d].
struct Projections {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
};

/// Those of the hidden states [N, D], queries of the rows `query_rows`. Each at::Tensor or LayerInput.
template <typename QueryRows, typename Rows>
Projections project(const QueryRows& query_rows, const Rows& hidden, const AttentionWeights& weights, int64_t heads) {
  const at::Tensor query = split_heads(linear(query_rows, weights.query), heads);
  const at::Tensor both = split_heads(linear(hidden, weights.key_value), 2 * heads);
  return {query, both.narrow(1, 0, heads), both.narrow(1, heads, heads)};
}

template <typename Rows>
Projections project(const Rows& hidden, const AttentionWeights& weights, int64_t heads) {
  if (!weights.qkv) return project(hidden, hidden, weights, heads);
  const at::Tensor all = split_heads(linear(hidden, *weights.qkv), 3 * heads);
  return {all.narrow(1, 0, heads), all.narrow(1, heads, heads), all.narrow(1, 2 * heads, heads)};
}

}  // namespace bgem3::detail
