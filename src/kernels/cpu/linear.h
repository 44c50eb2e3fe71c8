#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// Rows and inputs are multiplied so many at a time: a second-level cache of 512 KB holds them and a panel's weights,
/// the first-level cache the inputs of some rows.
constexpr std::int64_t linear_block = 48;
constexpr std::int64_t linear_part = 1024;

/// Numbers of memory that multiplying a block needs: its inputs, and a vector beyond.
constexpr std::int64_t linear_scratch = linear_block * linear_part + 16;

/// A linear layer in float32: output [rows, outputs] = activation(input [rows, inputs] · weightᵀ + bias) + residual
/// [rows, outputs], which may be null.
struct LinearTask {
  const float* input;
  const float* weight;  // [panels, inputs, panel]
  const float* bias;    // [panels · panel]
  const float* residual;
  float* output;
  std::int64_t inputs;
  std::int64_t outputs;
  bool gelu;  // the activation, erf form; otherwise none
};

/// The linear layers, as compiled for one instruction set.
struct LinearKernel {
  std::int64_t panel;  // so many outputs
  /// linear_block rows at most, by some panels of outputs; `scratch`: linear_scratch numbers.
  void (*run)(const LinearTask& task, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
              std::int64_t panel_end, float* scratch);
};

extern const LinearKernel linear_float32_avx2;
extern const LinearKernel linear_float32_avx512;

}  // namespace bgem3::cpu
