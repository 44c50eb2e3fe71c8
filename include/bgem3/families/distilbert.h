#pragma once

#include "bgem3/families/bert.h"

/// The family `distilbert`: BERT without token types, under other names.
namespace bgem3::distilbert {

inline constexpr bert::Names names{.layer = "transformer.layer.",
                                   .query = "attention.q_lin.",
                                   .key = "attention.k_lin.",
                                   .value = "attention.v_lin.",
                                   .attention_output = "attention.out_lin.",
                                   .attention_norm = "sa_layer_norm.",
                                   .up = "ffn.lin1.",
                                   .down = "ffn.lin2.",
                                   .feed_forward_norm = "output_layer_norm."};

/// As bert::bind().
inline bert::Weights bind(const ModelConfig& config, const TensorMap& tensors, const Placement& placement = {}) {
  WeightBinder binder(tensors, detail::find_prefix(tensors), placement);
  bert::Weights weights = bert::take_weights(binder, config, placement, names);
  binder.finish("the weights", detail::is_unused_parameter);
  return weights;
}

}  // namespace bgem3::distilbert
