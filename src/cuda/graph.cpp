#include "cuda/graph.h"

#include <exception>

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

std::unique_ptr<Graph> record_graph(const std::function<void()>& work, c10::MempoolId_t& pool) {
  if (pool == c10::MempoolId_t{0, 0}) pool = at::cuda::graph_pool_handle();
  work();  // kernels are loaded, and cuBLAS gets the workspace that it keeps for this thread and stream
  return std::make_unique<RecordedGraph>(work, c10::cuda::getCurrentCUDAStream(), pool);
}

}  // namespace bgem3::cuda
