#include "kernels/cuda/graph.h"

#include <exception>
#include <mutex>
#include <tuple>
#include <utility>

#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

// at::cuda::CUDAGraph is not used: it puts the random generator of the whole process into a mode of its own while it
// records, and where recording fails, LibTorch's allocator keeps looking at it.

namespace bgem3::cuda {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

/// A share in a pool of memory that LibTorch gives to nobody else. While it is open, allocations on `stream` are made
/// there.
class SharedPool {
 public:
  SharedPool(const c10::cuda::CUDAStream& stream, c10::MempoolId_t pool) : device_(stream.device_index()), pool_(pool) {
    const cudaStream_t own = stream.stream();
    allocator::beginAllocateToPool(device_, pool_, [own](cudaStream_t other) { return other == own; });
  }
  SharedPool(const SharedPool&) = delete;
  SharedPool& operator=(const SharedPool&) = delete;

  ~SharedPool() {
    close();
    ignoring_errors([this] { allocator::releasePool(device_, pool_); });
  }

  void close() {
    if (open_) ignoring_errors([this] { allocator::endAllocateToPool(device_, pool_); });
    open_ = false;
  }

 private:
  // A device that failed, or a process that ends: nobody is left to be told.
  template <typename Work>
  static void ignoring_errors(const Work& work) {
    try {
      work();
    } catch (const std::exception&) {
    }
  }

  c10::DeviceIndex device_;
  c10::MempoolId_t pool_;
  bool open_ = true;
};

/// While it lives, cuBLAS has the workspaces of `memory` on this thread and stream instead of those that LibTorch
/// keeps. Where there are none yet, LibTorch makes them when they are first needed.
class OwnWorkspaces {
 public:
  OwnWorkspaces(const c10::cuda::CUDAStream& stream, GraphMemory& memory)
      : key_(at::cuda::getCurrentCUDABlasHandle(), stream.stream()), memory_(memory) {
    exchange();
  }
  OwnWorkspaces(const OwnWorkspaces&) = delete;
  OwnWorkspaces& operator=(const OwnWorkspaces&) = delete;
  ~OwnWorkspaces() { exchange(); }

 private:
  using Key = std::tuple<void*, void*>;  // cuBLAS's handle of this thread, stream

  void exchange() {
    exchange_in(at::cuda::cublas_handle_stream_to_workspace(), memory_.cublas);
    exchange_in(at::cuda::cublaslt_handle_stream_to_workspace(), memory_.cublaslt);
  }

  // A map with its mutex; before LibTorch 2.11, a map.
  template <typename Workspaces>
  void exchange_in(Workspaces& workspaces, c10::DataPtr& own) {
    if constexpr (requires { workspaces.mutex; }) {
      const std::unique_lock lock(workspaces.mutex);
      exchange_entry(workspaces.map, own);
    } else {
      exchange_entry(workspaces, own);
    }
  }

  template <typename Map>
  void exchange_entry(Map& map, c10::DataPtr& own) {
    c10::DataPtr& entry = map[key_];
    std::swap(entry, own);
    if (!entry) map.erase(key_);
  }

  Key key_;
  GraphMemory& memory_;
};

/// What `work` queues. Other threads may do with the device what they like meanwhile.
cudaGraph_t record(const std::function<void()>& work, const c10::cuda::CUDAStream& stream) {
  cudaGraph_t graph = nullptr;
  C10_CUDA_CHECK(cudaStreamBeginCapture(stream.stream(), cudaStreamCaptureModeThreadLocal));
  try {
    work();
  } catch (...) {
    // The stream has to leave this mode. Whether it says that the recording is spoilt does not matter any more.
    if (cudaStreamEndCapture(stream.stream(), &graph) == cudaSuccess) (void)cudaGraphDestroy(graph);
    (void)cudaGetLastError();
    throw;
  }
  C10_CUDA_CHECK(cudaStreamEndCapture(stream.stream(), &graph));
  return graph;
}

class RecordedGraph final : public Graph {
 public:
  RecordedGraph(const std::function<void()>& work, const c10::cuda::CUDAStream& stream, c10::MempoolId_t pool)
      : memory_(stream, pool) {
    const cudaGraph_t graph = record(work, stream);
    memory_.close();
    const cudaError_t error = cudaGraphInstantiateWithFlags(&executable_, graph, 0);
    (void)cudaGraphDestroy(graph);
    C10_CUDA_CHECK(error);
  }

  ~RecordedGraph() override { (void)cudaGraphExecDestroy(executable_); }

  void replay() override { C10_CUDA_CHECK(cudaGraphLaunch(executable_, c10::cuda::getCurrentCUDAStream().stream())); }

 private:
  SharedPool memory_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

std::unique_ptr<Graph> record_graph(const std::function<void()>& work, GraphMemory& memory) {
  const auto stream = c10::cuda::getCurrentCUDAStream();
  if (memory.pool == c10::MempoolId_t{0, 0}) memory.pool = at::cuda::graph_pool_handle();
  const OwnWorkspaces own(stream, memory);
  work();  // kernels are loaded, and cuBLAS gets its workspaces
  return std::make_unique<RecordedGraph>(work, stream, memory.pool);
}

}  // namespace bgem3::cuda
