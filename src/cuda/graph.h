#pragma once

#include <functional>
#include <memory>

#include <c10/core/Allocator.h>

namespace bgem3::cuda {

/// Work that was recorded once, to be queued again as a whole: the same kernels on the same memory.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  virtual ~Graph() = default;

  /// Queues the work on the current stream.
  virtual void replay() = 0;
};

/// Records what `work` queues on the current stream, which must not be the default one. `work` is called twice, first
/// to warm up; after the second, what it allocated belongs to the graph. Graphs whose replays follow one another may
/// share a `pool` of memory; {0, 0} is replaced by a new one. Throws what `work` throws, and c10::Error.
using RecordGraph = std::function<std::unique_ptr<Graph>(const std::function<void()>& work, c10::MempoolId_t& pool)>;

/// That of libbgem3_cuda, which libbgem3 finds in its Plugin.
std::unique_ptr<Graph> record_graph(const std::function<void()>& work, c10::MempoolId_t& pool);

}  // namespace bgem3::cuda
