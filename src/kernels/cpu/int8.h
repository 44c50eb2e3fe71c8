#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// Outputs of a layer come in panels of so many, inputs in words of so many bytes.
constexpr std::int64_t int8_panel = 64;
constexpr std::int64_t int8_word = 4;

/// Rows are multiplied so many at a time: the second-level cache holds them.
constexpr std::int64_t int8_block = 96;

/// Activations [rows, inputs]: byte b of row r stands for (b - 128) · scale[r]. inputs: a multiple of int8_word.
struct Int8Rows {
  std::uint8_t* values;
  float* scale;  // [rows]
  std::int64_t rows;
  std::int64_t inputs;
};

/// A linear layer: int8 weights [panels, inputs / 4, 64, 4], with a scale for each output.
struct Int8Weights {
  const std::int8_t* values;
  const float* scale;          // [panels · 64]
  const std::int32_t* offset;  // [panels · 64]: -128 · sum of the weights, because activations are 128 too large
  const float* bias;           // [panels · 64]
  std::int64_t outputs;
};

/// output [rows, outputs] = gelu(input · weightsᵀ + bias) + residual, in the element type of the kernel.
struct Int8Product {
  Int8Rows input;
  Int8Weights weights;
  bool gelu;
  const void* residual;  // [rows, outputs] or null
  void* output;
};

/// For one type of hidden states.
struct Int8Kernel {
  /// Row r of hidden [rows, size], and those up to `end`, to bytes; inputs beyond `size` stand for 0.
  void (*quantize)(const void* hidden, std::int64_t size, std::int64_t begin, std::int64_t end, const Int8Rows& to);
  /// Some rows of some panels of outputs.
  void (*multiply)(const Int8Product& product, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                   std::int64_t panel_end);
};

extern const Int8Kernel int8_from_float32;   // needs AVX512-VNNI
extern const Int8Kernel int8_from_bfloat16;  // and AVX512-BF16, to round its results

}  // namespace bgem3::cpu
