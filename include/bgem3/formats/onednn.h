#pragma once

#include <utility>

#include "bgem3/formats/format.h"
#include "bgem3/kernels/onednn.h"

namespace bgem3 {

/// A weight on the CPU in float32 or bfloat16, in oneDNN's own layout.
class OneDnnWeight final : public LinearWeight {
 public:
  /// weight [out, in] and bias [out], both of the dtype to multiply in
  OneDnnWeight(const detail::OneDnn& onednn, const at::Tensor& weight, at::Tensor bias)
      : onednn_(onednn), weight_(onednn.reorder(weight)), bias_(std::move(bias)) {}

  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue) const override {
    const bool is_gelu = epilogue.activation == Activation::gelu;
    if (!epilogue.residual.defined()) {
      return {onednn_.linear(input.plain, weight_, bias_, is_gelu ? "gelu" : "none")};
    }
    if (!is_gelu) return {onednn_.linear_add(input.plain, epilogue.residual, weight_, bias_)};
    return {onednn_.linear(input.plain, weight_, bias_, "gelu").add_(epilogue.residual)};
  }

  [[nodiscard]] std::int64_t bytes() const override {
    return weight_.numel() * static_cast<std::int64_t>(weight_.itemsize()) + static_cast<std::int64_t>(bias_.nbytes());
  }

 private:
  const detail::OneDnn& onednn_;
  at::Tensor weight_;  // opaque
  at::Tensor bias_;
};

}  // namespace bgem3
