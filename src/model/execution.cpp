#include "model/execution.h"

#include <fmt/format.h>

#include "bgem3/error.h"
#include "model/cuda_device.h"

namespace bgem3 {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::invalid_argument, what); }

Dtype choose_dtype_on_cpu(Dtype asked) {
  if (asked == Dtype::automatic) return Dtype::float32;
  if (asked == Dtype::float16) refuse("dtype float16 is for CUDA; on the CPU use float32, bfloat16 or int8");
  if (!processor_has(asked)) {
    const char* const needed = asked == Dtype::bfloat16 ? "AVX512-BF16" : "AVX512-VNNI";
    refuse(fmt::format("dtype {} needs {}, which this processor does not have; use float32", to_string(asked), needed));
  }
  return asked;
}

Execution choose_on_cuda(const LoadOptions& options) {
  const at::Device device = find_cuda_device(options.device);
  const Dtype dtype = options.dtype == Dtype::automatic ? Dtype::float16 : options.dtype;
  if (dtype == Dtype::int8) refuse("dtype int8 is for the CPU; on CUDA use float16, bfloat16 or float32");
  const CudaDevice found = cuda_devices()[static_cast<std::size_t>(device.index())];
  if (dtype == Dtype::bfloat16 && found.compute_capability < 80) {
    refuse(
        fmt::format("dtype bfloat16 needs a GPU of compute capability 8.0 (Ampere) or later, {} has {}.{}; use "
                    "float16",
                    found.name, found.compute_capability / 10, found.compute_capability % 10));
  }
  return {device, dtype};
}

}  // namespace

Execution choose_execution(const LoadOptions& options) {
  if (names_cuda(options.device)) return choose_on_cuda(options);
  if (options.device != "cpu") {
    refuse(fmt::format("device '{}' is not known; expected 'cpu', 'cuda' or 'cuda:N'", options.device));
  }
  const Dtype dtype = choose_dtype_on_cpu(options.dtype);
  if (!options.prepack && dtype != Dtype::float32) {
    refuse(fmt::format("prepack = false uses the weights as they are in the file, which dtype {} does not",
                       to_string(dtype)));
  }
  return {at::kCPU, dtype};
}

}  // namespace bgem3
