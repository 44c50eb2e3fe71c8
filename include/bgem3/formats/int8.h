#pragma once

#include "bgem3/formats/format.h"
#include "bgem3/kernels/cpu_int8.h"
#include "bgem3/kernels/cpu_linear.h"

namespace bgem3 {

/// A weight on the CPU in int8, with a scale for each output. Inputs get one for each row when they are multiplied.
class Int8Weight final : public LinearWeight {
 public:
  /// weight [out, in] and bias [out], float32
  Int8Weight(const at::Tensor& weight, const at::Tensor& bias) : packed_(detail::quantize_weight(weight, bias)) {}

  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue) const override {
    return {detail::int8_linear(input.plain, packed_, epilogue.activation, epilogue.residual)};
  }

  [[nodiscard]] std::int64_t bytes() const override {
    std::int64_t sum = 0;
    for (const auto* part : {&packed_.values, &packed_.scale, &packed_.offset, &packed_.bias}) {
      sum += static_cast<std::int64_t>(part->nbytes());
    }
    return sum;
  }

 private:
  detail::Int8Panels packed_;
};

/// int8, on processors with VNNI. What lies between products is bfloat16 where the processor has it.
class Int8 final : public Format {
 public:
  [[nodiscard]] Dtype dtype() const override { return Dtype::int8; }
  [[nodiscard]] bool runs_on(at::DeviceType kind) const override { return kind == at::kCPU; }
  [[nodiscard]] std::string lacks(const ComputeDevice&) const override {
    return detail::cpu_has_int8() ? "" : "AVX512-VNNI";
  }
  [[nodiscard]] at::ScalarType hidden_dtype(const at::Device&) const override {
    return detail::cpu_has_bfloat16() ? at::kBFloat16 : at::kFloat;
  }
  [[nodiscard]] at::ScalarType source_dtype(const at::Device&) const override { return at::kFloat; }
  [[nodiscard]] std::shared_ptr<const LinearWeight> pack(const at::Tensor& weight,
                                                         const at::Tensor& bias) const override {
    return std::make_shared<Int8Weight>(weight, bias);
  }
};

}  // namespace bgem3
