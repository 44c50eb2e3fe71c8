#include "bgem3/batch_plan.h"

#include <algorithm>
#include <numeric>

#include "bgem3/error.h"

namespace bgem3 {

std::vector<Batch> plan_batches(std::span<const std::size_t> token_counts, const BatchLimits& limits) {
  if (limits.texts_max == 0 || limits.tokens_max == 0) {
    throw Error(ErrorCode::invalid_argument, "batch_size and batch_tokens must be at least 1, found 0");
  }
  std::vector<std::size_t> order(token_counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return token_counts[a] > token_counts[b]; });

  std::vector<Batch> batches;
  std::size_t tokens = 0;
  for (const std::size_t text : order) {
    const bool full =
        batches.empty() || batches.back().size() == limits.texts_max || tokens + token_counts[text] > limits.tokens_max;
    if (full) {
      batches.emplace_back();
      tokens = 0;
    }
    batches.back().push_back(text);
    tokens += token_counts[text];
  }
  return batches;
}

}  // namespace bgem3
