#pragma once

// Compiled anew for each instruction set; see simd.h.

#include "kernels/cpu/elements.h"
#include "kernels/cpu/layer_norm.h"

namespace bgem3::cpu {
namespace {

template <typename Type>
void layer_norm_row(const typename Type::Element* from, typename Type::Element* to, const LayerNormTask& task) {
  const std::int64_t size = task.size;
  const auto count = static_cast<float>(size);
  const auto add = [](Vector a, Vector b) { return a + b; };
  const auto values = [&](std::int64_t i, std::int64_t left) { return load_some<Type>(from + i, left); };
  const Vector mean = reduce_row(size, values, add) / count;
  // From the differences, as the reference has it: sums of squares would lose digits.
  const auto squares = [&](std::int64_t i, std::int64_t left) {
    const Vector difference = values(i, left) - first_lanes(mean, left);
    return difference * difference;
  };
  const float variance = reduce_row(size, squares, add)[0] / count;
  const float scale = 1 / __builtin_sqrtf(variance + task.eps);
  for (std::int64_t i = 0; i < size; i += lanes) {
    const std::int64_t left = size - i;
    const Vector weight = load_some<Float32Elements>(task.weight + i, left),
                 bias = load_some<Float32Elements>(task.bias + i, left);
    store_some<Type>(to + i, (values(i, left) - mean) * scale * weight + bias, left);
  }
}

template <typename Type>
void layer_norm_rows(const LayerNormTask& task, std::int64_t begin, std::int64_t end) {
  using Element = typename Type::Element;
  for (std::int64_t row = begin; row < end; ++row) {
    layer_norm_row<Type>(static_cast<const Element*>(task.input) + row * task.size,
                         static_cast<Element*>(task.output) + row * task.size, task);
  }
}

}  // namespace
}  // namespace bgem3::cpu
