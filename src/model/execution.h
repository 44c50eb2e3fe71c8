#pragma once

#include <vector>

#include <c10/core/Device.h>

#include "bgem3/cuda.h"
#include "bgem3/dtype.h"
#include "bgem3/options.h"

namespace bgem3 {

/// Where a model computes, in what, which is never Dtype::automatic, and by how many threads.
struct Execution {
  at::Device device;
  Dtype dtype;
  unsigned threads;         ///< of a call; on CUDA those of the tokenizer
  unsigned parallel_calls;  ///< 0: no bound

  /// Whether the device takes work into a queue, as GPUs do, and has memory of its own: the calling thread goes on
  /// while it computes. Otherwise the calling thread computes.
  [[nodiscard]] bool is_queued() const noexcept { return !device.is_cpu(); }
};

/// What `options` ask for, for each device that they name.
/// @throws Error invalid_argument for a device that is not there, CPU and GPUs together, a dtype that a device cannot
///         compute in, and a number of threads that it cannot be told to use
std::vector<Execution> choose_executions(const LoadOptions& options);

/// What a GPU computes in when `asked` for this.
/// @throws Error invalid_argument for a dtype that it cannot compute in
Dtype choose_dtype_on_cuda(Dtype asked, const CudaDevice& device);

}  // namespace bgem3
