#pragma once

// What the kernels use of CUDA's language and runtime, on the CPU: see emulator.h.
#include <cmath>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

#include "cuda_emulator/emulator.h"

#define __global__
#define __device__
#define __host__
#define __shared__ thread_local
#define __launch_bounds__(...)
#define threadIdx (::bgem3::emulator::thread_index())
#define blockIdx (::bgem3::emulator::block_index())
#define blockDim (::bgem3::emulator::block_size())

using cudaStream_t = void*;
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };

inline int min(int a, int b) { return a < b ? a : b; }

inline void __syncthreads() { ::bgem3::emulator::synchronize_block(); }

inline float __shfl_xor_sync(unsigned mask, float value, int distance) {
  namespace emulator = ::bgem3::emulator;
  if (mask != 0xffffffffu) emulator::fail("a shuffle of a part of a warp is not emulated");
  struct Part {
    float value;
    int distance;
    float result;
  } part{value, distance, 0};
  emulator::warp().meet("shuffle", emulator::lane(), part, [](const auto& parts) {
    for (unsigned lane = 0; lane < emulator::warp_size; ++lane) {
      if (parts(lane).distance != parts(0).distance) emulator::fail("threads of a warp shuffle over other distances");
      parts(lane).result = parts(lane ^ static_cast<unsigned>(parts(lane).distance)).value;
    }
  });
  return part.result;
}

inline std::size_t __cvta_generic_to_shared(const void* pointer) { return ::bgem3::emulator::shared_address(pointer); }

namespace bgem3::emulator {

/// Shared memory that a kernel may be launched with: 48 KiB, more where it was asked for.
inline std::size_t& shared_bytes_max_of(void (*kernel)()) {
  static std::map<void (*)(), std::size_t> most;
  return most.try_emplace(kernel, 48 * 1024).first->second;
}

template <typename... Parameters>
std::size_t& shared_bytes_max(void (*kernel)(Parameters...)) {
  return shared_bytes_max_of(reinterpret_cast<void (*)()>(kernel));
}

}  // namespace bgem3::emulator

template <typename... Parameters>
void cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute /*the only one*/, int value) {
  constexpr int most = 227 * 1024;  // of compute capability 9.0
  if (value < 0 || value > most) ::bgem3::emulator::fail("no block has so much shared memory");
  ::bgem3::emulator::shared_bytes_max(kernel) = static_cast<std::size_t>(value);
}

/// `arguments` points to one of each parameter.
template <typename... Parameters>
void cudaLaunchKernel(void (*kernel)(Parameters...), const dim3& blocks, const dim3& threads, void** arguments,
                      std::size_t shared_bytes, cudaStream_t stream) {
  struct Launch {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;
  };
  const auto unpack = [arguments]<std::size_t... index>(std::index_sequence<index...>) {
    return std::tuple<Parameters...>(*static_cast<Parameters*>(arguments[index])...);
  };
  ::bgem3::emulator::last_stream() = stream;
  Launch launch{kernel, unpack(std::index_sequence_for<Parameters...>())};
  const auto thread = [](void* it) {
    std::apply(static_cast<Launch*>(it)->kernel, static_cast<Launch*>(it)->arguments);
  };
  ::bgem3::emulator::run(blocks, threads, shared_bytes, ::bgem3::emulator::shared_bytes_max(kernel), thread, &launch);
}
