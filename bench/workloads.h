#pragma once

#include <cstdint>
#include <vector>

#include "bgem3/config.h"

namespace bgem3::bench {

/// Tokens of 24 texts, drawn from a log-normal distribution cut at 6 and 1024, as real ones are: "24 mixed" everywhere.
inline const std::vector<std::int64_t> mixed_lengths{
#include "mixed_lengths.inc"
};

/// Floating point operations of one transformer layer on a text: products, and scores and sums of attention.
inline double layer_flops(const ModelConfig& config, double tokens) {
  const auto d = static_cast<double>(config.hidden_size), inner = static_cast<double>(config.intermediate_size);
  return tokens * (8 * d * d + 4 * d * inner + 4 * d * tokens);
}

/// Those of the encoder for a CLS vector alone: of the last layer, keys and values of all tokens, and the rest of one.
inline double cls_flops(const ModelConfig& config, double tokens) {
  const auto d = static_cast<double>(config.hidden_size), inner = static_cast<double>(config.intermediate_size);
  const double last = tokens * 4 * d * d + 4 * d * d + 4 * d * inner + 4 * d * tokens;
  return static_cast<double>(config.layers - 1) * layer_flops(config, tokens) + last;
}

}  // namespace bgem3::bench
