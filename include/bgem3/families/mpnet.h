#pragma once

#include <cmath>
#include <cstdint>

#include <ATen/ops/arange.h>
#include <ATen/ops/where.h>

#include "bgem3/families/bert.h"

/// The family `mpnet`: XLM-RoBERTa without token types, and with a bias on attention that depends on how far key and
/// query are apart.
namespace bgem3::mpnet {

inline constexpr bert::Names names{.query = "attention.attn.q.",
                                   .key = "attention.attn.k.",
                                   .value = "attention.attn.v.",
                                   .attention_output = "attention.attn.o.",
                                   .attention_norm = "attention.LayerNorm."};

/// Rows of the table of biases.
inline constexpr int64_t buckets = 32;

/// The bucket of each distance [2 L - 1] from a key to a query, 1 - L … L - 1. Half of them are for keys after the
/// query. Of each half the first half is for one distance each; the others are for distances up to 128, each for more
/// than the one before, the last for all beyond. Source: transformers, MPNetEncoder.relative_position_bucket, whose
/// operations these are: in others, distances between two buckets could round to the other side.
inline at::Tensor buckets_of_distances(int64_t positions) {
  constexpr int64_t of_half = buckets / 2, exact = of_half / 2, farthest = 128;
  const at::Tensor distance = at::arange(1 - positions, positions, at::kLong);
  const at::Tensor size = distance.abs();
  const double scale = std::log(static_cast<double>(farthest) / exact);
  const at::Tensor logarithm = size.clamp_min(1).to(at::kFloat).div(exact).log().div(scale);
  const at::Tensor far = logarithm.mul(of_half - exact).to(at::kLong).add(exact).clamp_max(of_half - 1);
  return at::where(size.lt(exact), size, far).add(distance.lt(0).to(at::kLong).mul(of_half));
}

/// As bert::bind().
inline bert::Weights bind(const ModelConfig& config, const TensorMap& tensors, const Placement& placement = {}) {
  WeightBinder binder(tensors, detail::find_prefix(tensors), placement);
  bert::Weights weights = bert::take_weights(binder, config, placement, names);
  weights.bias_table = binder.take("encoder.relative_attention_bias.weight", {buckets, config.heads}, at::kFloat);
  binder.finish("the weights", detail::is_unused_parameter);
  const at::Tensor rows = buckets_of_distances(config.positions()).to(weights.bias_table.device());
  const at::Tensor of_distances = weights.bias_table.t().index_select(1, rows);
  for (auto& layer : weights.layers) layer.attention.relative_bias = of_distances;
  return weights;
}

}  // namespace bgem3::mpnet
