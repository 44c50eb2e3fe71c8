#include "server/routes/ranking.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "server/routes/outcome.h"

namespace bgem3::server {

std::vector<std::size_t> Relevance::best(std::size_t most) const {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // By the logits: large ones have the same score, 1.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  order.resize(std::min(order.size(), most));
  return order;
}

void rank(const Services& services, const std::shared_ptr<Exchange>& exchange, const RankingTask& task,
          MakeRanking make) {
  if (!services.models.reranker) {
    throw Failure(404, "not_found", "this server has no cross-encoder; start it with --reranker DIR");
  }
  RerankRequestOptions options{task.options, exchange->deadline(), exchange->unwanted()};
  auto callback = when_computed<RerankOutcome>(
      services, exchange,
      [&services, raw = task.raw_scores, make = std::move(make)](Exchange& responding, const RerankOutcome& outcome) {
        Relevance relevance{outcome.scores, outcome.scores, outcome.tokens};
        if (!raw) services.models.activate(relevance.scores);
        Response response = make(relevance);
        check_response_size(services.options, response.body.size());  // it may have the texts
        responding.respond(std::move(response), {relevance.scores.size(), outcome.tokens, outcome.times});
      });
  services.models.reranker->submit(task.pairs, std::move(options), std::move(callback));
}

}  // namespace bgem3::server
