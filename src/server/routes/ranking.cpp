#include "server/routes/ranking.h"

#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

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
  if (!services.models.reranking) {
    throw Failure(404, "not_found", "this server has no cross-encoder; start it with --reranker DIR");
  }
  RerankRequestOptions options{task.options, exchange->deadline(), exchange->unwanted()};
  auto callback = [&services, exchange, raw = task.raw_scores, make = std::move(make)](RerankOutcome found) {
    exchange->attempt([&] {
      if (found.error) std::rethrow_exception(found.error);
      services.post([&services, exchange, raw, make, outcome = std::move(found)] {
        exchange->attempt([&] {
          Relevance relevance{outcome.scores, outcome.scores, outcome.tokens};
          if (!raw) services.models.activate(relevance.scores);
          Response response = make(relevance);
          check_answer_size(services.options, response.body.size());  // it may have the texts
          exchange->reply(std::move(response), {relevance.scores.size(), outcome.tokens, outcome.times});
        });
      });
    });
  };
  services.models.reranking->submit(task.pairs, std::move(options), std::move(callback));
}

}  // namespace bgem3::server
