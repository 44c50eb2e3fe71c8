#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "server/router.h"

namespace bgem3::server {

/// What a cross-encoder says of pairs, in their order.
struct Relevance {
  std::vector<float> logits;
  std::vector<float> scores;  ///< what is shown of them: the logits, or what the model's activation makes of these
  std::size_t tokens = 0;     ///< of all pairs

  /// Indices of the `most` most relevant pairs, best first; equal ones in their order.
  [[nodiscard]] std::vector<std::size_t> best(std::size_t most) const;
};

/// What a route wants of pairs.
struct RankingTask {
  std::vector<TextPair> pairs;  ///< whose texts have to live until rank() returns
  RerankOptions options;
  bool raw_scores = false;  ///< logits
};

/// Makes the response; runs on a thread of the pool.
using MakeRanking = std::function<Response(const Relevance& relevance)>;

/// Responds to `exchange` when the pairs are judged.
/// @throws Failure 404 where the server has no cross-encoder
void rank(const Services& services, const std::shared_ptr<Exchange>& exchange, const RankingTask& task,
          MakeRanking make);

}  // namespace bgem3::server
