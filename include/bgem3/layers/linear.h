#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bgem3/error.h"
#include "bgem3/formats/formats.h"

namespace bgem3 {

/// A linear layer, its weight in one of the formats. Copies share the weight.
class Linear {
 public:
  /// None yet.
  Linear() = default;

  /// weight [out, in] and bias [out], of one dtype and on one device, as they are. Where one of them is missing, so is
  /// the layer.
  Linear(at::Tensor weight, at::Tensor bias) {
    if (!weight.defined() || !bias.defined()) return;
    outputs_ = weight.size(0);
    inputs_ = weight.size(1);
    plain_ = std::make_shared<PlainWeight>(std::move(weight), std::move(bias));
  }

  [[nodiscard]] bool is_defined() const noexcept { return plain_ || packed_; }
  [[nodiscard]] std::int64_t inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::int64_t outputs() const noexcept { return outputs_; }

  [[nodiscard]] std::int64_t parameters() const noexcept { return outputs_ * (inputs_ + 1); }

  /// The weight, which has to be there.
  [[nodiscard]] const LinearWeight& weight() const noexcept { return packed_ ? *packed_ : *plain_; }

  /// The weight where no format has packed it, else null.
  [[nodiscard]] const PlainWeight* plain() const noexcept { return plain_.get(); }

  /// Puts the weight into `format`, a copy, unless one has packed it already.
  void pack(const Format& format) {
    if (!plain_) return;
    packed_ = format.pack(plain_->weight(), plain_->bias());
    if (packed_) plain_.reset();
  }

  /// LinearWeight::apply
  /// @throws Error internal where the layer is missing
  [[nodiscard]] Rows apply(const Rows& input, const Epilogue& epilogue = {}) const {
    if (!is_defined()) throw Error(ErrorCode::internal, "a linear layer has no weight, or no bias");
    return weight().apply(input, epilogue);
  }
  [[nodiscard]] RoundedDtype reads() const { return weight().reads(); }

 private:
  std::int64_t inputs_ = 0, outputs_ = 0;
  std::shared_ptr<const PlainWeight> plain_;  // one of the two
  std::shared_ptr<const LinearWeight> packed_;
};

/// Puts the weight of a layer on the CPU into the layout that multiplies fastest in `dtype`: a copy. On other devices,
/// and packed before, the layer stays as it is.
/// @throws Error invalid_argument for a dtype in which this processor does not compute
inline void pack(Linear& layer, Dtype dtype = Dtype::float32) {
  if (layer.plain() == nullptr || !layer.plain()->weight().is_cpu()) return;
  const Format& format = format_of(dtype);
  if (!format.available({})) {
    throw Error(ErrorCode::invalid_argument,
                "dtype " + std::string(to_string(dtype)) + " cannot be computed in on this processor");
  }
  layer.pack(format);
}

/// input [N, in], contiguous → input · weightᵀ + bias [N, out], of the input's dtype and on its device, which has to be
/// the weight's.
/// @throws c10::Error as LinearWeight::apply
inline at::Tensor linear(const at::Tensor& input, const Linear& layer) { return layer.apply({input}).plain; }

/// linear(), then the GELU: the erf form; in half precision on a GPU the tanh form.
inline at::Tensor linear_gelu(const at::Tensor& input, const Linear& layer) {
  return layer.apply({input}, {.activation = Activation::gelu}).plain;
}

/// linear(), then plus `residual` [N, out].
inline at::Tensor linear_add(const at::Tensor& input, const at::Tensor& residual, const Linear& layer) {
  return layer.apply({input}, {.residual = residual}).plain;
}

}  // namespace bgem3
