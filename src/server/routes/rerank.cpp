#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "server/body.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

struct RerankTask {
  std::string query;
  std::vector<std::string> texts;
  bool raw_scores = false;
  bool return_text = false;
};

bool is_late(const Exchange& exchange) { return exchange.deadline() <= Clock::now(); }

bool is_gone(const Exchange& exchange) { return exchange.client_gone().stop_requested(); }

RerankTask task_of(const Body& body, std::size_t texts_max) {
  (void)body.choice("truncation_direction", {"Right", "right"});
  if (!body.flag("truncate").value_or(true)) {
    throw invalid_argument("'truncate' should be true or left out: pairs that are too long are always cut");
  }
  return {body.text("query"), body.texts("texts", texts_max), body.flag("raw_scores").value_or(false),
          body.flag("return_text").value_or(false)};
}

std::vector<float> score(const Services& services, const Exchange& exchange, const RerankTask& task, Work& work) {
  const auto started = Clock::now();
  std::vector<TextPair> pairs;
  pairs.reserve(task.texts.size());
  for (const auto& text : task.texts) pairs.push_back({task.query, text});
  RerankOptions options;
  options.batch_size = services.options.batch_texts;
  options.batch_tokens = services.options.batch_tokens;
  options.on_progress = [&](const Progress& progress) {
    work.tokens = progress.tokens_total;
    return !is_late(exchange) && !is_gone(exchange);
  };
  auto scores = services.models.rerank(pairs, options);
  work.texts = pairs.size();
  work.times.queue = started - exchange.request().received;
  work.times.compute = Clock::now() - started;
  return scores;
}

Response ranking(const RerankTask& task, const std::vector<float>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  Response response;
  response.body = "[";
  for (const auto index : order) {
    const float shown = task.raw_scores ? logits[index] : 1 / (1 + std::exp(-logits[index]));
    response.body += fmt::format(R"({{"index":{},"score":{})", index, shown);
    if (task.return_text) response.body += ",\"text\":" + nlohmann::json(task.texts[index]).dump();
    response.body += "},";
  }
  if (!order.empty()) response.body.pop_back();
  response.body += ']';
  return response;
}

}  // namespace

void handle_rerank(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  if (!services.models.rerank) {
    throw Failure(404, "not_found", "this server has no cross-encoder; start it with --reranker DIR");
  }
  const Body body(exchange->request().body);
  const auto task = std::make_shared<const RerankTask>(task_of(body, services.options.texts_max));
  const auto deadline = services.fail_when_late(exchange);
  services.post_rerank([&services, exchange, task, deadline] {
    try {
      if (is_late(*exchange)) return exchange->fail_late();
      if (is_gone(*exchange)) throw Error(ErrorCode::cancelled, "the client has left");
      Work work;
      const auto logits = score(services, *exchange, *task, work);
      exchange->reply(ranking(*task, logits), work);
    } catch (...) {
      is_late(*exchange) ? exchange->fail_late() : exchange->fail(std::current_exception());
    }
  });
}

}  // namespace bgem3::server
