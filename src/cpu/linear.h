#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// Outputs of a layer come in panels of so many.
constexpr std::int64_t linear_panel = 16;

/// Rows are multiplied so many at a time: the second-level cache holds a part of them.
constexpr std::int64_t linear_block = 48;

/// Numbers of memory that multiplying a block needs.
constexpr std::int64_t linear_scratch = linear_block * 1024 + 64;

/// A linear layer in float32: output [rows, outputs] = gelu(input [rows, inputs] · weightᵀ + bias) + residual
/// [rows, outputs], which may be null.
struct LinearTask {
  const float* input;
  const float* weight;  // [panels, inputs, 16]
  const float* bias;    // [panels · 16]
  const float* residual;
  float* output;
  std::int64_t inputs;
  std::int64_t outputs;
  bool gelu;
};

/// A block of rows by some panels of outputs.
using LinearKernel = void (*)(const LinearTask& task, std::int64_t row_begin, std::int64_t row_end,
                              std::int64_t panel_begin, std::int64_t panel_end, float* scratch);

extern const LinearKernel linear_float32_avx2;

}  // namespace bgem3::cpu
