#include "cuda/plugin.h"

#include <cstring>

#include <ATen/core/CachingHostAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
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
  if (cudaGetDeviceProperties(&found, index) != cudaSuccess) return false;
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

constexpr Plugin plugin{BGEM3_VERSION_STRING, device_count, describe_device, release_memory, record_graph};

}  // namespace
}  // namespace bgem3::cuda

extern "C" BGEM3_API const bgem3::cuda::Plugin* bgem3_cuda_plugin() { return &bgem3::cuda::plugin; }
