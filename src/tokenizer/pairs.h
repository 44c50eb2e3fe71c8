#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <vector>

#include "bgem3/reranker.h"
#include "bgem3/tokenizer.h"

namespace bgem3 {

/// The most tokens of a pair, with its special tokens, and of its query.
struct PairLimits {
  std::size_t pair;
  std::size_t query;
  PairTruncation truncation;
};

/// The ids of each pair, by Tokenizer::special_template, cut to the limits, on up to `threads` threads. Where the
/// template has types, PairIds::second_begin is where the passage begins.
/// @throws Error as Tokenizer::encode_batch
std::vector<PairIds> encode_pairs(const Tokenizer& tokenizer, std::span<const TextPair> pairs, const PairLimits& limits,
                                  unsigned threads, const std::stop_token& stop);

}  // namespace bgem3
