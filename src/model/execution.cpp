#include "model/execution.h"

#include <fmt/format.h>

#include "bgem3/error.h"

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

}  // namespace

Execution choose_execution(const LoadOptions& options) {
  if (options.device != "cpu") {
    refuse(fmt::format("device '{}' is not supported by this version; expected 'cpu'", options.device));
  }
  const Dtype dtype = choose_dtype_on_cpu(options.dtype);
  if (!options.prepack && dtype != Dtype::float32) {
    refuse(fmt::format("prepack = false uses the weights as they are in the file, which dtype {} does not",
                       to_string(dtype)));
  }
  return {at::kCPU, dtype};
}

}  // namespace bgem3
