#pragma once

#include "bgem3/formats/onednn.h"
#include "bgem3/kernels/cpu_linear.h"

namespace bgem3 {

/// float16, on GPUs.
class Float16 final : public Format {
 public:
  [[nodiscard]] Dtype dtype() const override { return Dtype::float16; }
  [[nodiscard]] bool runs_on(at::DeviceType kind) const override { return kind == at::kCUDA; }
  [[nodiscard]] std::string lacks(const ComputeDevice&) const override { return {}; }
  [[nodiscard]] at::ScalarType hidden_dtype(const at::Device&) const override { return at::kHalf; }
  [[nodiscard]] at::ScalarType source_dtype(const at::Device&) const override { return at::kHalf; }
  [[nodiscard]] std::shared_ptr<const LinearWeight> pack(const at::Tensor&, const at::Tensor&) const override {
    return nullptr;
  }
};

/// bfloat16: on the CPU in oneDNN's layout, on GPUs as the weights are placed.
class BFloat16 final : public Format {
 public:
  [[nodiscard]] Dtype dtype() const override { return Dtype::bfloat16; }
  [[nodiscard]] bool runs_on(at::DeviceType) const override { return true; }
  [[nodiscard]] std::string lacks(const ComputeDevice& device) const override {
    if (!device.device.is_cpu()) return device.compute_capability < 80 ? "8.0 (Ampere) or later" : "";
    return detail::cpu_has_bfloat16() ? "" : "AVX512-BF16";
  }
  [[nodiscard]] at::ScalarType hidden_dtype(const at::Device&) const override { return at::kBFloat16; }
  /// The CPU rounds what it packs.
  [[nodiscard]] at::ScalarType source_dtype(const at::Device& device) const override {
    return device.is_cpu() ? at::kFloat : at::kBFloat16;
  }
  [[nodiscard]] std::shared_ptr<const LinearWeight> pack(const at::Tensor& weight,
                                                         const at::Tensor& bias) const override {
    const auto* const onednn = weight.is_cpu() ? detail::OneDnn::find() : nullptr;
    if (onednn == nullptr) return nullptr;
    return std::make_shared<OneDnnWeight>(*onednn, weight.to(at::kBFloat16), bias.to(at::kBFloat16));
  }
};

}  // namespace bgem3
