#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// Limits of one batch.
struct BatchLimits {
  std::size_t texts_max = 256;
  std::size_t tokens_max = 4096;  ///< a single longer text still forms a batch of its own
};

/// Most tokens of a batch where nobody said: 4096 keep a processor busy, and more would need more memory for nothing; a
/// GPU wants 16384.
constexpr std::size_t default_batch_tokens(bool on_gpu) { return on_gpu ? 16384 : 4096; }

/// Indices of the texts of one batch, longest first.
using Batch = std::vector<std::size_t>;

/// Cuts texts into batches: longest first, so that the largest batch, which needs the most memory, comes at once and
/// neighbours have similar lengths. Every index of `token_counts` is in exactly one batch; texts of equal length keep
/// their order.
/// @throws Error invalid_argument when a limit is 0.
BGEM3_API std::vector<Batch> plan_batches(std::span<const std::size_t> token_counts, const BatchLimits& limits);

}  // namespace bgem3
