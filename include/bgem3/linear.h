#pragma once

#include <optional>

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/cpu_int8.h"
#include "bgem3/detail/cpu_linear.h"
#include "bgem3/detail/cuda_ops.h"
#include "bgem3/detail/onednn.h"
#include "bgem3/dtype.h"
#include "bgem3/weights.h"

namespace bgem3 {
namespace detail {

/// activation(linear()) + residual, for layers that a kernel of ours multiplies.
inline std::optional<at::Tensor> own_linear(const at::Tensor& input, const Linear& layer, Activation activation,
                                            const at::Tensor& residual = {}) {
  if (layer.panels) return panel_linear(input, *layer.panels, activation, residual);
  if (layer.int8) return int8_linear(input, *layer.int8, activation, residual);
  return std::nullopt;
}

}  // namespace detail

/// Puts the weight of a layer on the CPU into `dtype` and into the layout that multiplies fastest: a copy. On other
/// devices the layer stays as it is. The functions below take either, and layers bound in float8; their input has the
/// dtype of the hidden states and is contiguous.
inline void prepack(Linear& layer, Dtype dtype = Dtype::float32) {
  if (layer.panels || layer.int8 || layer.float8 || !layer.weight.is_cpu() || layer.weight.is_mkldnn()) return;
  if (dtype == Dtype::int8) {
    layer = {.weight = {}, .bias = {}, .int8 = detail::quantize_weight(layer.weight, layer.bias)};
    return;
  }
  const bool halves = dtype == Dtype::bfloat16;
  const auto layout = halves ? detail::WeightLayout::onednn : detail::float32_layout(layer.weight.size(1));
  if (layout == detail::WeightLayout::panels) {
    layer = {.weight = {}, .bias = {}, .panels = detail::to_panels(layer.weight, layer.bias)};
  } else if (const auto* onednn = detail::OneDnn::find(); onednn && layout == detail::WeightLayout::onednn) {
    const auto type = halves ? at::kBFloat16 : at::kFloat;
    layer.weight = onednn->reorder(layer.weight.to(type));
    layer.bias = layer.bias.to(type);
  }
}

/// All linear layers of one transformer layer.
inline void prepack(EncoderLayerWeights& weights, Dtype dtype = Dtype::float32) {
  for (auto* layer : linear_layers(weights)) prepack(*layer, dtype);
}

/// input [N, in], contiguous → input · weightᵀ + bias [N, out], of the input's dtype and on its device, which has to be
/// the weight's. A weight of another dtype is converted on the way.
/// @throws c10::Error for sizes that do not fit together, and a dtype that the prepacked weight does not multiply
inline at::Tensor linear(const at::Tensor& input, const Linear& layer) {
  if (auto output = detail::own_linear(input, layer, detail::Activation::none)) return *output;
  if (layer.float8) return detail::float8_linear(input, *layer.float8);
  if (layer.weight.is_mkldnn()) return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "none");
  const auto dtype = input.scalar_type();
  const at::Tensor bias = layer.bias.to(dtype);
  if (layer.weight.scalar_type() != dtype) return linear(input, Linear{layer.weight.to(dtype), bias});
  if (input.is_cuda()) return detail::CudaOps::get().product(input, layer.weight, bias, /*gelu=*/false);
  return at::linear(input, layer.weight, bias);
}

namespace detail {

/// linear() of rows that may be in e4m3 already.
inline at::Tensor linear(const LayerInput& input, const Linear& layer) {
  if (layer.float8 && input.float8) return float8_product(*input.float8, *layer.float8).to(input.rows.scalar_type());
  return bgem3::linear(input.rows, layer);
}

}  // namespace detail

/// linear(), then the erf GELU.
inline at::Tensor linear_gelu(const at::Tensor& input, const Linear& layer) {
  if (auto output = detail::own_linear(input, layer, detail::Activation::gelu)) return *output;
  if (layer.weight.is_mkldnn()) {
    return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "gelu");
  }
  at::Tensor output = linear(input, layer);
  return at::gelu_(output, "none");
}

/// linear(), then plus `residual` [N, out].
inline at::Tensor linear_add(const at::Tensor& input, const at::Tensor& residual, const Linear& layer) {
  if (auto output = detail::own_linear(input, layer, detail::Activation::none, residual)) return *output;
  if (layer.weight.is_mkldnn()) {
    return detail::OneDnn::find()->linear_add(input, residual, layer.weight, layer.bias);
  }
  return linear(input, layer).add_(residual);
}

}  // namespace bgem3
