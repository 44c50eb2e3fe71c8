#pragma once

#include "bgem3/formats/onednn.h"
#include "bgem3/formats/panels.h"

namespace bgem3 {

/// float32: equal to the reference.
class Float32 final : public Format {
 public:
  [[nodiscard]] Dtype dtype() const override { return Dtype::float32; }
  [[nodiscard]] bool runs_on(at::DeviceType) const override { return true; }
  [[nodiscard]] std::string lacks(const ComputeDevice&) const override { return {}; }
  [[nodiscard]] at::ScalarType hidden_dtype(const at::Device&) const override { return at::kFloat; }
  [[nodiscard]] at::ScalarType source_dtype(const at::Device&) const override { return at::kFloat; }

  /// On the CPU the layout for which this processor has the fastest kernels.
  [[nodiscard]] std::shared_ptr<const LinearWeight> pack(const at::Tensor& weight,
                                                         const at::Tensor& bias) const override {
    if (!weight.is_cpu()) return nullptr;
    const auto layout = detail::float32_layout(weight.size(1));
    if (layout == detail::WeightLayout::panels) return std::make_shared<PanelsWeight>(weight, bias);
    const auto* const onednn = detail::OneDnn::find();
    if (onednn == nullptr || layout != detail::WeightLayout::onednn) return nullptr;
    return std::make_shared<OneDnnWeight>(*onednn, weight.to(at::kFloat), bias.to(at::kFloat));
  }
};

}  // namespace bgem3
