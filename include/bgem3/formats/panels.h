#pragma once

#include <utility>

#include "bgem3/formats/format.h"
#include "bgem3/kernels/cpu_linear.h"

namespace bgem3 {

/// A weight on the CPU in float32, in panels of outputs, which a kernel of ours multiplies: where oneDNN has no layout
/// of its own.
class PanelsWeight final : public LinearWeight {
 public:
  /// weight [out, in] and bias [out], of any floating dtype
  PanelsWeight(const at::Tensor& weight, const at::Tensor& bias) : packed_(detail::to_panels(weight, bias)) {}

  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue) const override {
    return {detail::panel_linear(input.plain, packed_, epilogue.activation, epilogue.residual)};
  }

  [[nodiscard]] std::int64_t bytes() const override {
    return static_cast<std::int64_t>(packed_.values.nbytes() + packed_.bias.nbytes());
  }

 private:
  detail::PanelWeight packed_;
};

}  // namespace bgem3
