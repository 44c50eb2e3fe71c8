#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "server/body.h"
#include "server/json_fields.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

struct RerankTask {
  std::string query;
  std::vector<std::string> texts;
  bool raw_scores = false;
  bool return_text = false;
};

RerankTask task_of(const Body& body, std::size_t texts_max) {
  (void)body.choice("truncation_direction", {"Right", "right"});
  if (!body.flag("truncate").value_or(true)) {
    throw invalid_argument("'truncate' should be true or left out: pairs that are too long are always cut");
  }
  return {body.text("query"), body.texts("texts", texts_max), body.flag("raw_scores").value_or(false),
          body.flag("return_text").value_or(false)};
}

std::vector<TextPair> pairs_of(const RerankTask& task) {
  std::vector<TextPair> pairs;
  pairs.reserve(task.texts.size());
  for (const auto& text : task.texts) pairs.push_back({task.query, text});
  return pairs;
}

// `scores`: what is shown of the logits
Response ranking(const RerankTask& task, const std::vector<float>& logits, const std::vector<float>& scores) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  Response response;
  response.body = "[";
  for (const auto index : order) {
    response.body += fmt::format(R"({{"index":{},"score":{})", index, scores[index]);
    if (task.return_text) response.body += ",\"text\":" + json_string(task.texts[index]);
    response.body += "},";
  }
  if (!order.empty()) response.body.pop_back();
  response.body += ']';
  return response;
}

}  // namespace

void handle_rerank(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  if (!services.models.reranking) {
    throw Failure(404, "not_found", "this server has no cross-encoder; start it with --reranker DIR");
  }
  const Body body(exchange->request().body, services.options.texts_max);
  const auto task = std::make_shared<const RerankTask>(task_of(body, services.options.texts_max));
  RerankRequestOptions options;
  options.deadline = exchange->deadline();
  options.stop = exchange->unwanted();
  auto callback = [post = services.post, activate = services.models.activate, exchange, task](RerankOutcome found) {
    exchange->attempt([&] {
      if (found.error) std::rethrow_exception(found.error);
      post([activate, exchange, task, outcome = std::move(found)] {
        exchange->attempt([&] {
          std::vector<float> scores = outcome.scores;
          if (!task->raw_scores) activate(scores);
          exchange->reply(ranking(*task, outcome.scores, scores), {task->texts.size(), outcome.tokens, outcome.times});
        });
      });
    });
  };
  services.models.reranking->submit(pairs_of(*task), std::move(options), std::move(callback));
}

}  // namespace bgem3::server
