#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <ATen/ops/empty_like.h>

#include "bgem3/formats/format.h"
#include "bgem3/kernels/cuda_ops.h"

namespace bgem3 {

/// Some of the rows of a batch.
struct RowBlock {
  std::int64_t begin, count;

  /// Those of `rows` [N, …], a view.
  [[nodiscard]] at::Tensor of(const at::Tensor& rows) const { return rows.narrow(0, begin, count); }
};

/// What compute(block, output) makes of all rows: → [N, D], like `rows`. On the CPU it is called for some rows at a
/// time, so that what lies between the products of a layer stays in the cache, and in memory that malloc keeps for the
/// next; it writes them to `output`. On a GPU it is called once, and returns them.
template <typename Compute>
Rows in_row_blocks(const at::Tensor& rows, const Compute& compute) {
  const std::int64_t all = rows.size(0);
  if (detail::on_gpu(rows)) return compute(RowBlock{0, all}, at::Tensor());
  constexpr std::int64_t block_rows = 512;
  at::Tensor output = at::empty_like(rows);
  for (std::int64_t begin = 0; begin < all; begin += block_rows) {
    const RowBlock block{begin, std::min(block_rows, all - begin)};
    compute(block, block.of(output));
  }
  return {std::move(output)};
}

}  // namespace bgem3
