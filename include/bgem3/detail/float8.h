#pragma once

#include <limits>
#include <optional>

#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_mm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/cuda_ops.h"

namespace bgem3::detail {

/// Rows in e4m3: 4 bits of exponent, 3 of mantissa, numbers up to 448. Each row has a scale of its own.
struct Float8Rows {
  at::Tensor values;  // [n, size] float8_e4m3fn
  at::Tensor scale;   // [n, 1] float32, to be multiplied with the values
};

/// The weight of a linear layer in e4m3, with a scale for each output. Activations get one for each row when they are
/// multiplied.
struct Float8Weight {
  Float8Rows rows;         // [out, in]
  at::Tensor bias;         // [out] bfloat16
  bool fast_sums = false;  // of products on a GPU: tensor cores keep fewer bits of them than float32 has
};

/// Rows that a linear layer reads, and the same in e4m3 where whoever computed them has rounded them.
struct LayerInput {
  at::Tensor rows;  // [n, size]
  std::optional<Float8Rows> float8 = std::nullopt;
};

/// Scales each row [n, size] so that its largest magnitude becomes 448. Zeros stay zeros; a row with NaN or infinity
/// has NaN afterwards.
inline Float8Rows quantize_rows(const at::Tensor& rows) {
  if (rows.is_cuda()) {
    const auto [values, scale] = CudaOps::get().quantize_rows(rows);
    return {values, scale};
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor largest = at::linalg_vector_norm(rows, infinity, {1}, /*keepdim=*/true, at::kFloat);
  const at::Tensor scale = largest.clamp_min(1e-12).div(448);
  return {rows.mul(scale.reciprocal()).to(at::kFloat8_e4m3fn), scale};
}

inline at::Tensor dequantize(const Float8Rows& rows) { return rows.values.to(at::kFloat).mul(rows.scale); }

/// quantize_rows() of the erf GELU of rows [n, size] on a GPU.
inline Float8Rows gelu_quantize_rows(const at::Tensor& rows) {
  const auto [values, scale] = CudaOps::get().gelu_quantize_rows(rows);
  return {values, scale};
}

/// weight [out, in] and bias [out], of any dtype.
inline Float8Weight quantize_float8(const at::Tensor& weight, const at::Tensor& bias, bool fast_sums = false) {
  return {quantize_rows(weight), bias.to(at::kBFloat16), fast_sums};
}

/// input [N, in] · weightᵀ + bias → bfloat16 [N, out]; sums are float32. On a GPU, sizes but N are multiples of 16. The
/// CPU, which has no such product, gets the same numbers from one in float32: slowly, for tests.
inline at::Tensor float8_product(const Float8Rows& input, const Float8Weight& weight) {
  if (!input.values.is_cuda()) {
    return at::linear(dequantize(input), dequantize(weight.rows), weight.bias.to(at::kFloat)).to(at::kBFloat16);
  }
  return at::_scaled_mm(input.values, weight.rows.values.t(), input.scale, weight.rows.scale.t(), weight.bias,
                        /*scale_result=*/std::nullopt, at::kBFloat16, weight.fast_sums);
}

/// float8_product() of rows [N, in] that are rounded first, in their dtype.
inline at::Tensor float8_linear(const at::Tensor& input, const Float8Weight& weight) {
  return float8_product(quantize_rows(input), weight).to(input.scalar_type());
}

}  // namespace bgem3::detail
