#pragma once

#include <cstdint>
#include <vector>

#include "bgem3/config.h"

namespace bgem3::bench {

/// Tokens of 24 texts, log-normal from 6 to 1024 as real ones are: those of "24 mixed" in compare_peers.py, which draws
/// them.
inline const std::vector<std::int64_t> mixed_lengths{103, 508, 432, 53,  69,  52, 197, 93,  243, 10, 651, 88,
                                                     225, 84,  63,  173, 267, 78, 82,  226, 35,  16, 159, 44};

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
