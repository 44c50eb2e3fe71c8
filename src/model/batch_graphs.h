#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "bgem3/tensors/packed_batch.h"
#include "kernels/cuda/graph.h"
#include "model/batch_results.h"
#include "model/forward_options.h"
#include "model/graph_shape.h"
#include "model/log.h"

namespace bgem3 {

/// Whether the batches of a model run as graphs, and how many did.
struct GraphUse {
  cuda::RecordGraph record;              ///< empty: they do not
  std::atomic<bool> has_failed = false;  ///< recording did; tried again after Embedder::release_memory
  std::atomic<std::uint64_t> batches = 0;
  Log log;
};

/// The graphs of one stream, each with the memory that its kernels read and write. All work of a stream runs in its
/// order, so a graph is never replayed while it runs, nor before its results were copied.
class BatchGraphs {
 public:
  /// A graph serves batches of one shape of which the same is computed. Whether their tokens have types, the model
  /// says.
  struct Key {
    GraphShape shape;
    ForwardOptions options;

    friend auto operator<=>(const Key&, const Key&) = default;
  };

  /// From a batch on the device to its results, which depend on nothing else; it must not wait for the device.
  using Forward = std::function<BatchResults(const PackedBatch&)>;

  explicit BatchGraphs(GraphUse& use) : use_(use) {}

  [[nodiscard]] bool are_used() const noexcept { return use_.record && !use_.has_failed; }

  /// Queues `forward` of a batch that is staged on the host and has the shape of `key`, recording it if need be. The
  /// results are valid until the next call. Nothing where there is no graph, and the batch has to run without one.
  std::optional<BatchResults> run(const Key& key, const PackedBatch& staged, at::Device device, const Forward& forward);

  /// Only when nothing runs on the stream.
  void clear();

 private:
  // More shapes than that run without, or they would take all memory.
  static constexpr std::size_t graphs_max = 32;

  struct Recorded {
    PackedBatch input;
    std::unique_ptr<cuda::Graph> graph;
    BatchResults results;  // in memory of the graph, so they go first
  };

  Recorded* find_or_record(const Key& key, const PackedBatch& staged, at::Device device, const Forward& forward);

  GraphUse& use_;
  cuda::GraphMemory memory_;
  std::map<Key, Recorded> graphs_;
};

}  // namespace bgem3
