#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// Rows of hidden states, `size` numbers each, one after the other.
struct LayerNormTask {
  const void* input;
  void* output;         // may be the input
  const float* weight;  // [size]
  const float* bias;    // [size]
  std::int64_t size;
  float eps;
};

/// Normalises rows begin … end.
using LayerNormKernel = void (*)(const LayerNormTask& task, std::int64_t begin, std::int64_t end);

extern const LayerNormKernel layer_norm_float32_avx2;
extern const LayerNormKernel layer_norm_bfloat16_avx2;
extern const LayerNormKernel layer_norm_float32_avx512;
extern const LayerNormKernel layer_norm_bfloat16_avx512;

}  // namespace bgem3::cpu
