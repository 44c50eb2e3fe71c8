#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// A linear layer in float32: output [rows, outputs] = input [rows, inputs] · weightᵀ [outputs, inputs] + bias +
/// residual [rows, outputs], which may be null.
struct LinearTask {
  const float* input;
  const float* weight;
  const float* bias;
  const float* residual;
  float* output;
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t outputs;
};

/// Outputs are computed so many at a time.
constexpr std::int64_t linear_tile = 3;

/// All rows of some outputs.
using LinearKernel = void (*)(const LinearTask& task, std::int64_t output_begin, std::int64_t output_end);

extern const LinearKernel linear_float32_avx2;

}  // namespace bgem3::cpu
