#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/onednn.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Puts the weight of a layer on the CPU into `dtype` and into the layout that multiplies fastest, oneDNN's: a copy. On
/// other devices the layer stays as it is. The functions below take both, and input of the same dtype.
inline void prepack(Linear& layer, at::ScalarType dtype = at::kFloat) {
  const auto* onednn = detail::OneDnn::find();
  if (onednn == nullptr || !layer.weight.is_cpu() || layer.weight.is_mkldnn()) return;
  layer.weight = onednn->reorder(layer.weight.to(dtype));
  layer.bias = layer.bias.to(dtype);
}

/// All linear layers of one transformer layer.
inline void prepack(EncoderLayerWeights& weights, at::ScalarType dtype = at::kFloat) {
  for (auto* layer : linear_layers(weights)) prepack(*layer, dtype);
}

/// input [N, in] → input · weightᵀ + bias [N, out].
inline at::Tensor linear(const at::Tensor& input, const Linear& layer) {
  if (!layer.weight.is_mkldnn()) return at::linear(input, layer.weight, layer.bias);
  return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "none");
}

/// linear(), then the erf GELU.
inline at::Tensor linear_gelu(const at::Tensor& input, const Linear& layer) {
  if (layer.weight.is_mkldnn()) return detail::OneDnn::find()->linear(input, layer.weight, layer.bias, "gelu");
  at::Tensor output = at::linear(input, layer.weight, layer.bias);
  return at::gelu_(output, "none");
}

/// linear(), then plus `residual` [N, out].
inline at::Tensor linear_add(const at::Tensor& input, const at::Tensor& residual, const Linear& layer) {
  if (!layer.weight.is_mkldnn()) return at::linear(input, layer.weight, layer.bias).add_(residual);
  return detail::OneDnn::find()->linear_add(input, residual, layer.weight, layer.bias);
}

}  // namespace bgem3
