#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "bgem3/dtype.h"
#include "bgem3/kernels/activation.h"

namespace bgem3 {

using detail::Activation;

/// Rows [n, size] in 8 bits. Each row has a scale of its own.
struct RoundedRows {
  at::Tensor values;  // [n, size], of the dtype that was asked for
  at::Tensor scale;   // [n, 1] float32, to be multiplied with the values
};

/// The 8 bits in which a product reads rows, such as at::kFloat8_e4m3fn; none: as they are.
using RoundedDtype = std::optional<at::ScalarType>;

/// The result of one layer, which the next one reads. A layer may round its result for the next one, and may leave out
/// the plain rows if nothing else reads them.
struct Rows {
  at::Tensor plain;                                   // [n, size]
  std::optional<RoundedRows> rounded = std::nullopt;  // the same
};

/// What is done to a product before it is stored, in this order.
struct Epilogue {
  Activation activation = Activation::none;
  at::Tensor residual = {};                // [n, out], added to it; none when undefined
  RoundedDtype next_reads = std::nullopt;  // LinearWeight::reads() of the product that reads the result; a hint
};

/// The weight [out, in] and the bias [out] of a linear layer in one format. Immutable, so layers share it.
class LinearWeight {
 public:
  LinearWeight() = default;
  LinearWeight(const LinearWeight&) = delete;
  LinearWeight& operator=(const LinearWeight&) = delete;
  virtual ~LinearWeight() = default;

  /// input [N, in] → activation(input · weightᵀ + bias) + residual [N, out], of the input's dtype and on its device,
  /// which has to be the weight's.
  /// @throws c10::Error for sizes that do not fit together, and a dtype that the format does not multiply
  [[nodiscard]] virtual Rows apply(const Rows& input, const Epilogue& epilogue) const = 0;

  /// Memory that it takes.
  [[nodiscard]] virtual std::int64_t bytes() const = 0;

  /// The form of the input that spares apply() the rounding.
  [[nodiscard]] virtual RoundedDtype reads() const { return std::nullopt; }
};

/// The device that a format is asked about.
struct ComputeDevice {
  at::Device device = at::kCPU;
  int compute_capability = 0;  ///< of a GPU, 90 for 9.0
};

/// One of the formats of weights, which is what a dtype stands for: how the large matrices of a model are held and
/// multiplied. formats.h lists them.
class Format {
 public:
  Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;
  virtual ~Format() = default;

  [[nodiscard]] virtual Dtype dtype() const = 0;

  /// Whether it is for devices of this kind.
  [[nodiscard]] virtual bool runs_on(at::DeviceType kind) const = 0;

  /// What the format needs and a device of that kind lacks, for a message: "AVX512-VNNI". Empty: nothing.
  [[nodiscard]] virtual std::string lacks(const ComputeDevice& device) const = 0;

  /// What the format needs and a layer of `in` inputs and `out` outputs lacks, for a message. Empty: nothing.
  [[nodiscard]] virtual std::string refuses(std::int64_t in, std::int64_t out) const {
    (void)in;
    (void)out;
    return {};
  }

  /// The dtype of the hidden states between layers.
  [[nodiscard]] virtual at::ScalarType hidden_dtype(const at::Device& device) const = 0;

  /// The dtype of the weights that pack() takes, on that device.
  [[nodiscard]] virtual at::ScalarType source_dtype(const at::Device& device) const = 0;

  /// weight [out, in] and bias [out] of source_dtype() on one device → the format; nothing where it multiplies them as
  /// they are.
  [[nodiscard]] virtual std::shared_ptr<const LinearWeight> pack(const at::Tensor& weight,
                                                                 const at::Tensor& bias) const = 0;

  /// Whether a model computes in it on this device.
  [[nodiscard]] bool available(const ComputeDevice& device) const {
    return runs_on(device.device.type()) && lacks(device).empty();
  }
};

}  // namespace bgem3
