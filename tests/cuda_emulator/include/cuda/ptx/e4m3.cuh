#pragma once

// src/cuda/ptx/e4m3.cuh on the CPU.
#include <cstdint>

#include <c10/util/Float8_e4m3fn.h>

namespace bgem3::cuda {

inline std::uint16_t to_e4m3(float first, float second) {
  return static_cast<std::uint16_t>(c10::Float8_e4m3fn(first).x | c10::Float8_e4m3fn(second).x << 8);
}

}  // namespace bgem3::cuda
