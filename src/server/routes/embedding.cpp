#include "server/routes/embedding.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace bgem3::server {
namespace {

// Long texts are cut, or refused where a request does not want that.
std::vector<TokenIds> tokenize(const Services& services, const EmbeddingTask& task, const std::stop_token& unwanted) {
  const std::size_t limit = services.models.about.max_length;
  const std::vector<std::string_view> views(task.texts.begin(), task.texts.end());
  const std::string prompt = services.models.about.prompts.find(task.options.prompt, task.options.prompt_name);
  auto ids = services.models.tokenizer.encode_batch(views, task.truncate ? limit : limit + 1, 0, unwanted, prompt);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i].size() > limit) {
      throw invalid_argument(
          fmt::format("text {} has more than {} tokens; shorten it, or let it be cut: \"truncate\": true", i, limit));
    }
  }
  return ids;
}

// Numbers of all vectors.
std::size_t count_numbers(const ModelDescription& about, const EncodeOptions& options,
                          const std::vector<TokenIds>& texts) {
  const auto kept = [&](std::size_t size) {
    return options.truncate_dim == 0 ? size : std::min(size, options.truncate_dim);
  };
  std::size_t numbers = 0;
  for (const auto& ids : texts) {
    if (options.dense) numbers += kept(about.dimension);
    if (options.sparse) numbers += ids.size();
    if (options.colbert) numbers += (ids.size() - 1) * kept(about.colbert_dimension);
  }
  return numbers;
}

Work work_of(const std::vector<TokenIds>& texts, Clock::time_point started) {
  Work work;
  work.texts = texts.size();
  for (const auto& ids : texts) work.tokens += ids.size();
  work.times.tokenize = Clock::now() - started;
  return work;
}

void answer(Exchange& exchange, Work work, const Outcome& outcome, const MakeResponse& make) {
  work.times.queue = outcome.times.queue;
  work.times.compute = outcome.times.compute;
  exchange.reply(make(outcome.embeddings, work.tokens), work);
}

}  // namespace

void read_prompt(const Body& body, EncodeOptions& options) {
  if (body.has("prompt")) options.prompt = body.text("prompt");
  if (body.has("prompt_name")) options.prompt_name = body.text("prompt_name");
}

void embed(const Services& services, const std::shared_ptr<Exchange>& exchange, const EmbeddingTask& task,
           MakeResponse make) {
  const auto started = Clock::now();
  if (exchange->deadline() <= started) return exchange->fail_late();
  std::vector<TokenIds> ids = tokenize(services, task, exchange->unwanted());
  constexpr std::size_t bytes_of_number = 12;
  check_answer_size(services.options, count_numbers(services.models.about, task.options, ids) * bytes_of_number);
  // The thread that computes has better things to do than to write JSON.
  auto callback = [post = services.post, exchange, make = std::move(make),
                   work = work_of(ids, started)](Outcome found) {
    exchange->attempt([&] {
      if (found.error) std::rethrow_exception(found.error);
      post([exchange, make, work, outcome = std::make_shared<const Outcome>(std::move(found))] {
        exchange->attempt([&] { answer(*exchange, work, *outcome, make); });
      });
    });
  };
  EncodeOptions options = task.options;
  options.prompt.reset();  // the ids have it
  options.prompt_name.reset();
  services.models.batching->submit_ids(std::move(ids), {std::move(options), exchange->deadline(), exchange->unwanted()},
                                       std::move(callback));
}

}  // namespace bgem3::server
