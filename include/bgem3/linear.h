#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "bgem3/detail/cpu_int8.h"
#include "bgem3/detail/cpu_linear.h"
#include "bgem3/detail/onednn.h"
#include "bgem3/dtype.h"
#include "bgem3/weights.h"

namespace bgem3 {
namespace detail {

/// oneDNN, for weights in its layout, or plain ones where it has none of its own; otherwise null.
inline const OneDnn* onednn_for(const at::Tensor& input, const Linear& layer) {
  return layer.weight.is_mkldnn() || takes_plain(input, layer.weight, layer.bias) ? OneDnn::find() : nullptr;
}

/// Whether cpu_linear() takes the layer and is faster than oneDNN.
inline bool takes_few_rows(const at::Tensor& input, const Linear& layer) {
  return input.size(0) <= cpu_linear_rows && takes_plain(input, layer.weight, layer.bias);
}

}  // namespace detail

/// Puts the weight of a layer on the CPU into `dtype` and into the layout that multiplies fastest: a copy. On other
/// devices the layer stays as it is. The functions below take either, and layers bound in float8; their input has the
/// dtype of the hidden states.
inline void prepack(Linear& layer, Dtype dtype = Dtype::float32) {
  if (layer.int8 || layer.float8 || !layer.weight.is_cpu() || layer.weight.is_mkldnn()) return;
  if (dtype == Dtype::int8) {
    layer = {.weight = {}, .bias = {}, .int8 = detail::quantize_weight(layer.weight, layer.bias)};
  } else if (dtype == Dtype::float32 && detail::wants_plain_weights()) {
    layer = {.weight = layer.weight.to(at::kFloat, false, true).contiguous(), .bias = layer.bias.to(at::kFloat)};
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
  if (detail::takes_few_rows(input, layer)) return detail::cpu_linear(input, layer.weight, layer.bias);
  if (const auto* onednn = detail::onednn_for(input, layer)) {
    return onednn->linear(input, layer.weight, layer.bias, "none");
  }
  const auto dtype = input.scalar_type();
  const at::Tensor bias = layer.bias.to(dtype);
  if (layer.weight.scalar_type() != dtype) return linear(input, Linear{layer.weight.to(dtype), bias});
  return at::linear(input, layer.weight, bias);
}

/// linear(), then the erf GELU.
inline at::Tensor linear_gelu(const at::Tensor& input, const Linear& layer) {
  if (layer.int8) return detail::int8_linear(input, *layer.int8, detail::Activation::gelu);
  const bool few_rows = detail::takes_few_rows(input, layer);
  if (const auto* onednn = few_rows ? nullptr : detail::onednn_for(input, layer)) {
    return onednn->linear(input, layer.weight, layer.bias, "gelu");
  }
  at::Tensor output = linear(input, layer);
  return at::gelu_(output, "none");
}

/// linear(), then plus `residual` [N, out].
inline at::Tensor linear_add(const at::Tensor& input, const at::Tensor& residual, const Linear& layer) {
  if (layer.int8) return detail::int8_linear(input, *layer.int8, detail::Activation::none, residual);
  if (detail::takes_few_rows(input, layer)) {
    return detail::cpu_linear(input, layer.weight, layer.bias, residual);
  }
  if (const auto* onednn = detail::onednn_for(input, layer)) {
    return onednn->linear_add(input, residual, layer.weight, layer.bias);
  }
  return linear(input, layer).add_(residual);
}

}  // namespace bgem3
