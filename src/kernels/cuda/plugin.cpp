#include "kernels/cuda/plugin.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <vector>

#include <ATen/core/CachingHostAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "bgem3/export.h"
#include "bgem3/version.h"

namespace bgem3::cuda {
namespace {

int device_count(const char** reason) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess) return count;
  (void)cudaGetLastError();  // or the next launch would report this one
  *reason = cudaGetErrorString(error);
  return 0;
}

bool describe_device(int index, DeviceProperties* properties) {
  cudaDeviceProp found{};
  if (cudaGetDeviceProperties(&found, index) != cudaSuccess) {
    (void)cudaGetLastError();  // as above
    return false;
  }
  std::memcpy(properties->name, found.name, sizeof properties->name);
  properties->name[sizeof properties->name - 1] = '\0';
  properties->major = found.major;
  properties->minor = found.minor;
  properties->total_bytes = static_cast<std::int64_t>(found.totalGlobalMem);
  return true;
}

void release_memory() {
  c10::cuda::CUDACachingAllocator::emptyCache();
  at::getHostAllocator(at::kCUDA)->empty_cache();
}

// Streams that are not in use. They live as long as the process, because LibTorch keeps freed memory by stream.
struct FreeStreams {
  std::mutex mutex;
  std::vector<c10::Stream> streams;
  std::size_t created = 0;

  static FreeStreams& get() {
    static auto* const all = new FreeStreams;  // never destroyed: CUDA may be gone at the end of the process
    return *all;
  }
};

c10::Stream take_stream(c10::Device device) {
  auto& [mutex, streams, created] = FreeStreams::get();
  {
    const std::scoped_lock lock(mutex);
    const auto of_device = [&](const c10::Stream& stream) { return stream.device() == device; };
    const auto found = std::find_if(streams.begin(), streams.end(), of_device);
    if (found != streams.end()) {
      const c10::Stream stream = *found;
      streams.erase(found);
      return stream;
    }
  }
  const c10::cuda::CUDAGuard guard(device);
  cudaStream_t stream = nullptr;
  C10_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  const std::scoped_lock lock(mutex);
  streams.reserve(++created);  // so that giving back never fails
  return c10::cuda::getStreamFromExternal(stream, device.index());
}

void give_back_stream(const c10::Stream& stream) {
  auto& free = FreeStreams::get();
  const std::scoped_lock lock(free.mutex);
  free.streams.push_back(stream);
}

constexpr Plugin plugin{BGEM3_VERSION_STRING, device_count,     describe_device, release_memory,
                        take_stream,          give_back_stream, record_graph};

}  // namespace
}  // namespace bgem3::cuda

extern "C" BGEM3_API const bgem3::cuda::Plugin* bgem3_cuda_plugin() { return &bgem3::cuda::plugin; }
