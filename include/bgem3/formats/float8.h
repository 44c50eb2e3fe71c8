#pragma once

#include <limits>
#include <memory>
#include <utility>

#include <ATen/ops/_scaled_mm.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>

#include "bgem3/formats/format.h"
#include "bgem3/kernels/cuda_ops.h"

namespace bgem3 {
namespace detail {

// e4m3: 4 bits of exponent, 3 of mantissa, numbers up to 448.

/// Scales each row [n, size] so that its largest magnitude becomes 448. Zeros stay zeros; a row with NaN or infinity
/// has NaN afterwards.
inline RoundedRows quantize_rows(const at::Tensor& rows) {
  if (rows.is_cuda()) {
    const auto [values, scale] = CudaOps::get().quantize_rows(rows);
    return {values, scale};
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor largest = at::linalg_vector_norm(rows, infinity, {1}, /*keepdim=*/true, at::kFloat);
  const at::Tensor scale = largest.clamp_min(1e-12).div(448);
  return {rows.mul(scale.reciprocal()).to(at::kFloat8_e4m3fn), scale};
}

/// quantize_rows() of the erf GELU of rows [n, size] on a GPU.
inline RoundedRows gelu_quantize_rows(const at::Tensor& rows) {
  const auto [values, scale] = CudaOps::get().gelu_quantize_rows(rows);
  return {values, scale};
}

inline at::Tensor dequantize(const RoundedRows& rows) { return rows.values.to(at::kFloat).mul(rows.scale); }

}  // namespace detail

/// A weight in e4m3, with a scale for each output. Inputs get one for each row.
class Float8Weight final : public LinearWeight {
 public:
  /// weight [out, in] and bias [out], of any dtype. `fast_sums`, of products on a GPU: tensor cores keep fewer bits of
  /// them than float32 has.
  Float8Weight(const at::Tensor& weight, const at::Tensor& bias, bool fast_sums)
      : rows_(detail::quantize_rows(weight)), bias_(bias.to(at::kBFloat16)), fast_sums_(fast_sums) {}

  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue) const override {
    const RoundedRows rounded = input.rounded ? *input.rounded : detail::quantize_rows(input.plain);
    const auto dtype = input.plain.defined() ? input.plain.scalar_type() : at::kBFloat16;
    at::Tensor product = multiply(rounded).to(dtype);
    if (epilogue.activation == Activation::gelu) {
      if (epilogue.next_reads == reads() && detail::on_gpu(product) && !epilogue.residual.defined()) {
        return {{}, detail::gelu_quantize_rows(product)};
      }
      at::gelu_(product, "none");
    }
    if (epilogue.residual.defined()) product.add_(epilogue.residual);
    return {std::move(product)};
  }

  [[nodiscard]] std::int64_t bytes() const override {
    return static_cast<std::int64_t>(rows_.values.nbytes() + rows_.scale.nbytes() + bias_.nbytes());
  }
  [[nodiscard]] RoundedDtype reads() const override { return at::kFloat8_e4m3fn; }

  [[nodiscard]] const RoundedRows& rows() const noexcept { return rows_; }  // [out, in]
  [[nodiscard]] const at::Tensor& bias() const noexcept { return bias_; }   // [out]

 private:
  // input · weightᵀ + bias → bfloat16 [N, out]; sums are float32. On a GPU, sizes but N are multiples of 16. The CPU,
  // which has no such product, gets the same numbers from one in float32: slowly, for tests.
  [[nodiscard]] at::Tensor multiply(const RoundedRows& input) const {
    if (!input.values.is_cuda()) {
      return at::linear(detail::dequantize(input), detail::dequantize(rows_), bias_.to(at::kFloat)).to(at::kBFloat16);
    }
    return at::_scaled_mm(input.values, rows_.values.t(), input.scale, rows_.scale.t(), bias_,
                          /*scale_result=*/std::nullopt, at::kBFloat16, fast_sums_);
  }

  RoundedRows rows_;  // [out, in]
  at::Tensor bias_;   // [out] bfloat16
  bool fast_sums_;
};

/// float8 and float8_fast, on Hopper. What lies between products is bfloat16.
class Float8 final : public Format {
 public:
  explicit Float8(bool fast_sums) : fast_sums_(fast_sums) {}

  [[nodiscard]] Dtype dtype() const override { return fast_sums_ ? Dtype::float8_fast : Dtype::float8; }
  [[nodiscard]] bool runs_on(at::DeviceType kind) const override { return kind == at::kCUDA; }
  /// Blackwell's kernels for it in LibTorch are others, which fail on some of its GPUs.
  [[nodiscard]] std::string lacks(const ComputeDevice& device) const override {
    return device.compute_capability / 10 == 9 ? "" : "9.x (Hopper)";
  }
  /// LibTorch multiplies no others.
  [[nodiscard]] std::string refuses(std::int64_t in, std::int64_t out) const override {
    return in % 16 == 0 && out % 16 == 0 ? "" : "sizes that are multiples of 16";
  }
  [[nodiscard]] at::ScalarType hidden_dtype(const at::Device&) const override { return at::kBFloat16; }
  /// What is to be rounded to 8 bits is not rounded before.
  [[nodiscard]] at::ScalarType source_dtype(const at::Device&) const override { return at::kFloat; }
  [[nodiscard]] std::shared_ptr<const LinearWeight> pack(const at::Tensor& weight,
                                                         const at::Tensor& bias) const override {
    return std::make_shared<Float8Weight>(weight, bias, fast_sums_);
  }

 private:
  bool fast_sums_;
};

}  // namespace bgem3
