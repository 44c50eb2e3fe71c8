#include "server/routes/embedding.h"

#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace bgem3::server {
namespace {

// Refuses texts that are too long.
std::vector<TokenIds> tokenize_whole(const Services& services, const std::vector<std::string>& texts) {
  const std::size_t limit = services.models.about.max_length;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  auto ids = services.models.tokenizer.encode_batch(views);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].size() > limit) {
      throw invalid_argument(
          fmt::format("text {} has {} tokens, more than {}; shorten it, or let it be cut: "
                      "\"truncate\": true",
                      i, ids[i].size(), limit));
    }
  }
  return ids;
}

void answer(const std::shared_ptr<Exchange>& exchange, const Outcome& outcome, const MakeResponse& make) {
  const auto& counts = outcome.embeddings.token_counts;
  exchange->times = outcome.times;
  exchange->texts = counts.size();
  exchange->tokens = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  exchange->reply(make(outcome.embeddings, exchange->tokens));
}

}  // namespace

void embed(const Services& services, const std::shared_ptr<Exchange>& exchange, EmbeddingTask task, MakeResponse make) {
  auto& batching = *services.models.batching;
  task.options.max_length = services.models.about.max_length;
  RequestOptions options{task.options, exchange->deadline(), exchange->client_gone()};
  // The thread that computes has better things to do than to write JSON.
  auto callback = [post = services.post, exchange, make = std::move(make)](Outcome outcome) {
    if (outcome.error) return exchange->fail(outcome.error);
    post([exchange, make, outcome = std::make_shared<const Outcome>(std::move(outcome))] {
      try {
        answer(exchange, *outcome, make);
      } catch (...) {
        exchange->fail(std::current_exception());
      }
    });
  };
  if (task.truncate) return batching.submit(task.texts, std::move(options), std::move(callback));
  batching.submit_ids(tokenize_whole(services, task.texts), std::move(options), std::move(callback));
}

}  // namespace bgem3::server
