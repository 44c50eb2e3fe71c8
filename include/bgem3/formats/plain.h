#pragma once

#include <utility>

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/formats/format.h"
#include "bgem3/kernels/cuda_ops.h"

namespace bgem3 {

/// A weight as the checkpoint has it, in any floating dtype on any device: what every format is packed from.
class PlainWeight final : public LinearWeight {
 public:
  /// weight [out, in] and bias [out], of one dtype
  PlainWeight(at::Tensor weight, at::Tensor bias) : weight_(std::move(weight)), bias_(std::move(bias)) {}

  /// A weight of another dtype than the input's is converted on the way: so a batch is computed again in float32
  /// without a second copy of the model.
  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue) const override {
    const at::Tensor& rows = input.plain;
    const auto dtype = rows.scalar_type();
    // cuBLASLt has GELU in the product, which spares a pass over the largest tensor of a layer, in the tanh form alone.
    // It differs from the erf form by less than float16 rounds: on real weights the cosine between vectors of the two
    // is above 1 - 9e-7 (docs/cuda.md). float32 keeps the erf form.
    const bool is_gelu = epilogue.activation == Activation::gelu;
    const bool is_fused = is_gelu && detail::on_gpu(rows) && dtype != at::kFloat && weight_.scalar_type() == dtype;
    at::Tensor product = multiply(rows, weight_.to(dtype), bias_.to(dtype), is_fused);
    if (is_gelu && !is_fused) at::gelu_(product, "none");
    if (epilogue.residual.defined()) product.add_(epilogue.residual);
    return {std::move(product)};
  }

  [[nodiscard]] std::int64_t bytes() const override {
    return static_cast<std::int64_t>(weight_.nbytes() + bias_.nbytes());
  }

  [[nodiscard]] const at::Tensor& weight() const noexcept { return weight_; }
  [[nodiscard]] const at::Tensor& bias() const noexcept { return bias_; }

 private:
  static at::Tensor multiply(const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& bias, bool gelu) {
    if (detail::on_gpu(rows)) return detail::CudaOps::get().product(rows, weight, bias, gelu);
    return at::linear(rows, weight, bias);
  }

  at::Tensor weight_;  // [out, in]
  at::Tensor bias_;    // [out]
};

}  // namespace bgem3
