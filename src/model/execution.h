#pragma once

#include <c10/core/Device.h>

#include "bgem3/cuda.h"
#include "bgem3/dtype.h"
#include "bgem3/options.h"

namespace bgem3 {

/// Where a model computes and in what; never Dtype::automatic.
struct Execution {
  at::Device device;
  Dtype dtype;
};

/// What `options` ask for.
/// @throws Error invalid_argument for a device that is not there, and a dtype that the device cannot compute in
Execution choose_execution(const LoadOptions& options);

/// What a GPU computes in when `asked` for this.
/// @throws Error invalid_argument for a dtype that it cannot compute in
Dtype choose_dtype_on_cuda(Dtype asked, const CudaDevice& device);

}  // namespace bgem3
