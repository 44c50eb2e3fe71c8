#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/onednn.h"
#include "bgem3/weights.h"

namespace bgem3 {

/// Puts the weight of a layer into the layout that its device multiplies fastest, a copy. On the CPU in float32 that is
/// oneDNN's; elsewhere the layer stays as it is. The functions below take both.
inline void prepack(Linear& layer) {
  const auto* onednn = detail::OneDnn::find();
  const bool fits = onednn != nullptr && layer.weight.is_cpu() && layer.weight.scalar_type() == at::kFloat;
  if (fits && !layer.weight.is_mkldnn()) layer.weight = onednn->reorder(layer.weight);
}

/// All linear layers of one transformer layer.
inline void prepack(EncoderLayerWeights& weights) {
  auto& [query, key, value, output, attention_norm] = weights.attention;
  for (auto* layer : {&query, &key, &value, &output, &weights.feed_forward.up, &weights.feed_forward.down}) {
    prepack(*layer);
  }
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
