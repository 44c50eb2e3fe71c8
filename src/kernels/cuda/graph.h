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

/// What the graphs of one stream share, because their replays follow one another. It outlives them.
struct GraphMemory {
  c10::MempoolId_t pool{0, 0};  ///< of what is allocated while they are recorded; {0, 0}: none yet
  /// cuBLAS's workspaces while they are recorded. Those that LibTorch keeps are freed for all streams at once by
  /// whoever asks for it, torch.compile among them, and recorded products would go on writing to them.
  c10::DataPtr cublas, cublaslt;
};

/// Records what `work` queues on the current stream, which must not be the default one. `work` is called twice, first
/// to warm up; after the second, what it allocated belongs to the graph. Throws what `work` throws, and c10::Error.
using RecordGraph = std::function<std::unique_ptr<Graph>(const std::function<void()>& work, GraphMemory& memory)>;

/// That of libbgem3_cuda, which libbgem3 finds in its Plugin.
std::unique_ptr<Graph> record_graph(const std::function<void()>& work, GraphMemory& memory);

}  // namespace bgem3::cuda
