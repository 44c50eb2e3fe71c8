#include "model/errors.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bgem3 {

// LibTorch has a type for exhausted device memory; on the host, and where a CUDA library asked for it, only a text.
// cuBLAS says that it is not initialised when it finds no memory to initialise itself with.
bool is_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string_view what = error.what_without_backtrace();
  constexpr std::array<std::string_view, 5> texts = {
      "DefaultCPUAllocator", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED",
      "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate", "CUDNN_STATUS_ALLOC_FAILED"};
  return std::any_of(texts.begin(), texts.end(), [&](auto text) { return what.find(text) != std::string_view::npos; });
}

}  // namespace bgem3
