#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/cpu_int8.h"
#include "bgem3/detail/onednn.h"
#include "bgem3/dtype.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Puts the weight of a layer on the CPU into `dtype` and into the layout that multiplies fastest: a copy. On other
/// devices the layer stays as it is. The functions below take either, and layers bound in float8; their input has the
/// dtype of the hidden states.
inline void prepack(Linear& layer, Dtype dtype = Dtype::float32) {
  if (layer.int8 || layer.float8 || !layer.weight.is_cpu() || layer.weight.is_mkldnn()) return;
  if (dtype == Dtype::int8) {
    layer = {.weight = {}, .bias = {}, .int8 = detail::quantize_weight(layer.weight, layer.bias)};
  } else if (const auto* onednn = detail::OneDnn::find()) {
    const auto type = dtype == Dtype::bfloat16 ? at::kBFloat16 : at::kFloat;
    layer.weight = onednn->reorder(layer.weight.to(type));
    layer.bias = layer.bias.to(type);
  }
}

/// All linear layers of one transformer layer.
inline void prepack(EncoderLayerWeights& weights, Dtype dtype = Dtype::float32) {
  for (auto* layer : linear_layers(weights)) prepack(*layer, dtype);
}

/// input [N, in] → input · weightᵀ + bias [N, out]. A weight of another dtype is converted on the way.
inline at::Tensor linear(const at::Tensor& input, const Linear& layer) {
  if (layer.int8) return detail::int8_linear(input, *layer.int8, detail::Activation::none);
  if (layer.float8) return detail::float8_linear(input, *layer.float8);
  if (layer.weight.is_mkldnn()) return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "none");
  const auto dtype = input.scalar_type();
  return at::linear(input, layer.weight.to(dtype), layer.bias.to(dtype));
}

/// linear(), then the erf GELU.
inline at::Tensor linear_gelu(const at::Tensor& input, const Linear& layer) {
  if (layer.int8) return detail::int8_linear(input, *layer.int8, detail::Activation::gelu);
  if (layer.weight.is_mkldnn()) return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "gelu");
  at::Tensor output = linear(input, layer);
  return at::gelu_(output, "none");
}

/// linear(), then plus `residual` [N, out].
inline at::Tensor linear_add(const at::Tensor& input, const at::Tensor& residual, const Linear& layer) {
  if (layer.int8) return detail::int8_linear(input, *layer.int8, detail::Activation::none, residual);
  if (!layer.weight.is_mkldnn()) return linear(input, layer).add_(residual);
  return detail::OneDnn::find()->linear_add(input, residual, layer.weight, layer.bias);
}

}  // namespace bgem3
