#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/batch_graphs.h"
#include "model/model.h"

namespace bgem3 {

/// Queues a small batch as a graph, padded to the shape of one: the first rows of the results are those of the batch.
/// Nothing where the batch has to be computed. `second_begins`: as of pack_texts().
std::optional<BatchResults> replay_graph(const Model& model, BatchGraphs& graphs, const ForwardOptions& options,
                                         std::vector<std::span<const std::int32_t>> texts,
                                         std::span<const std::size_t> second_begins, std::int64_t tokens);

}  // namespace bgem3
