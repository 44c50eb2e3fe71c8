#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// A GPU: LoadOptions::device "cuda:0" names the first of cuda_devices(), and so on.
struct CudaDevice {
  std::string name;               ///< as its maker calls it
  int compute_capability = 0;     ///< 75 for Turing, 80 and 86 for Ampere, 89 for Ada, 90 for Hopper …
  std::int64_t memory_bytes = 0;  ///< all of its memory
};

/// The GPUs of this machine; at least one. Loads libbgem3_cuda and LibTorch's CUDA half, which stay for the life of the
/// process; Embedder::load does the same for a CUDA device. Safe to call from any thread.
/// @throws Error invalid_argument when there is none to use, which says what is missing: the CUDA part of bgem3, a
///         LibTorch built with CUDA, a driver, or a GPU
BGEM3_API std::vector<CudaDevice> cuda_devices();

/// Bytes that LibTorch holds on a GPU, or on several together, for the whole process, what it keeps for later use
/// included. `device` as in LoadOptions. Safe to call from any thread, once a model is on a GPU; before, LibTorch may
/// have nothing to ask.
/// @throws Error as cuda_devices(), invalid_argument for a name that is no GPU's, and internal where LibTorch refuses
BGEM3_API std::int64_t cuda_memory_held(const std::string& device);

}  // namespace bgem3
