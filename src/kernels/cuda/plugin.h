#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include "kernels/cuda/graph.h"

namespace bgem3::cuda {

/// What libbgem3 asks of libbgem3_cuda beside its operators (see operators.cpp). A table, found by name after loading.
struct DeviceProperties {
  char name[256];
  int major;  ///< compute capability
  int minor;
  std::int64_t total_bytes;  ///< of the device's memory
};

struct Plugin {
  const char* version;  ///< of bgem3; both libraries have to be of one build
  /// How many devices there are. For none, `reason` points to why, in the words of CUDA.
  int (*device_count)(const char** reason);
  bool (*describe_device)(int index, DeviceProperties* properties);
  /// Gives what LibTorch keeps for later use, on the devices and pinned on the host, back to the system.
  void (*release_memory)();
  /// A stream that nobody else has until it is given back. LibTorch's own pool hands out 32 in turn, and would give two
  /// calls the same one.
  c10::Stream (*take_stream)(c10::Device device);
  void (*give_back_stream)(const c10::Stream& stream);
  /// See RecordGraph.
  std::unique_ptr<Graph> (*record_graph)(const std::function<void()>& work, GraphMemory& memory);
};

using GetPlugin = const Plugin* (*)();
inline constexpr const char* get_plugin_name = "bgem3_cuda_plugin";

}  // namespace bgem3::cuda
