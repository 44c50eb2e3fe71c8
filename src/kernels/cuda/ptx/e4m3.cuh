#pragma once

#include <cstdint>

#include <c10/util/Float8_e4m3fn.h>

namespace bgem3::cuda {

/// Two numbers of at most 448 in e4m3, the first in the lower byte. NaN stays. By one instruction from Ada on.
__device__ inline std::uint16_t to_e4m3(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  std::uint16_t both;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(both) : "f"(second), "f"(first));
  return both;
#else
  const auto low = c10::Float8_e4m3fn(first).x, high = c10::Float8_e4m3fn(second).x;
  return static_cast<std::uint16_t>(low | high << 8);
#endif
}

}  // namespace bgem3::cuda
