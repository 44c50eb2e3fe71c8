#include "server/routes/embedding.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "server/routes/outcome.h"

namespace bgem3::server {
namespace {

// Of a text that is too long, what stays of it between its special tokens.
void cut(TokenIds& ids, std::size_t limit, bool left) {
  if (ids.size() <= limit) return;
  const auto surplus = static_cast<std::ptrdiff_t>(ids.size() - limit);
  const auto begin = left ? ids.begin() + 1 : ids.end() - 1 - surplus;
  ids.erase(begin, begin + surplus);
}

std::vector<TokenIds> tokenize(const Services& services, const EmbeddingTask& task, std::size_t limit,
                               const std::stop_token& unwanted) {
  if (!task.ids.empty()) return task.ids;
  const std::vector<std::string_view> views(task.texts.begin(), task.texts.end());
  const std::string prompt = find_prompt(services, task.options, task.texts.size());
  return services.models.tokenizer.encode_batch(views, limit, 0, unwanted, prompt);
}

// Long texts are cut, or refused where a request does not want that.
std::vector<TokenIds> tokenize(const Services& services, const EmbeddingTask& task, const std::stop_token& unwanted) {
  const std::size_t most = services.models.about.max_length;
  constexpr std::size_t least = 2;  // the special tokens
  const std::size_t limit = task.max_length == 0 ? most : std::clamp(task.max_length, least, most);
  const bool left_by_itself = services.models.tokenizer.truncates_left();
  const bool left = task.truncate_left.value_or(left_by_itself);
  // The tokenizer stops early at the end that it cuts by itself.
  const std::size_t enough = left != left_by_itself ? 0 : task.truncate ? limit : limit + 1;
  auto ids = tokenize(services, task, enough, unwanted);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (task.truncate) cut(ids[i], limit, left);
    if (ids[i].size() > limit) {
      throw invalid_argument(
          fmt::format("text {} has more than {} tokens; shorten it, or let it be cut: \"truncate\": true", i, limit));
    }
  }
  return ids;
}

// Bytes of all vectors in the response, about.
std::size_t count_bytes(const ModelDescription& about, const EmbeddingTask& task, const std::vector<TokenIds>& texts) {
  const EncodeOptions& options = task.options;
  const auto bytes = [&](std::size_t size) {
    return sent_bytes(options.truncate_dim == 0 ? size : std::min(size, options.truncate_dim), task.format);
  };
  constexpr std::size_t bytes_of_weight = 12;
  std::size_t total = 0;
  for (const auto& ids : texts) {
    if (options.dense) total += bytes(about.dimension);
    if (options.sparse) total += ids.size() * bytes_of_weight;
    if (options.colbert) total += (ids.size() - 1) * bytes(static_cast<std::size_t>(about.info.colbert_size));
  }
  return total;
}

Work work_of(const std::vector<TokenIds>& texts, Clock::time_point started) {
  Work work;
  work.texts = texts.size();
  for (const auto& ids : texts) work.tokens += ids.size();
  work.times.tokenize = Clock::now() - started;
  return work;
}

// Ids of another tokenizer hardly ever begin and end with the numbers of these two tokens.
void check_whole(const TokenIds& ids, std::size_t text, const char* key, const Tokenizer& tokenizer) {
  const auto& special = tokenizer.special_tokens();
  if (ids.size() >= 2 && ids.front() == special.cls && ids.back() == special.eos) return;
  throw invalid_argument(fmt::format(
      "token ids in '{}' should be of this model's vocabulary and of whole texts, as /tokenize gives them: first {}, "
      "last {}; those of text {} are not. If they come from another tokenizer, have the client send texts: LangChain's "
      "OpenAIEmbeddings does with check_embedding_ctx_length=False",
      key, special.cls, special.eos, text));
}

}  // namespace

Body read_body(const Services& services, const Exchange& exchange) {
  return {exchange.request().body, services.options.texts_max};
}

void read_inputs(const Fields& body, const char* key, const Services& services, EmbeddingTask& task) {
  const std::size_t texts_max = services.options.texts_max;
  if (!body.has_numbers(key)) {
    task.texts = body.texts(key, texts_max);
    return;
  }
  const Tokenizer& tokenizer = services.models.tokenizer;
  task.ids = body.number_lists(key, texts_max, static_cast<std::int32_t>(tokenizer.vocabulary_size()) - 1);
  for (std::size_t i = 0; i < task.ids.size(); ++i) check_whole(task.ids[i], i, key, tokenizer);
  if (body.has("prompt") || body.has("prompt_name")) {
    throw invalid_argument(
        fmt::format("a prompt comes before texts; '{}' has token ids, which can begin with it", key));
  }
}

void read_prompt(const Fields& body, EncodeOptions& options) {
  if (body.has("prompt")) options.prompt = body.text("prompt");
  if (body.has("prompt_name")) options.prompt_name = body.text("prompt_name");
}

std::string find_prompt(const Services& services, const EncodeOptions& options, std::size_t texts) {
  std::string prompt = services.models.about.info.config.prompts.find(options.prompt, options.prompt_name);
  const std::uint64_t most = services.options.http.body_bytes_max;
  if (prompt.size() * texts <= most) return prompt;
  throw Failure(413, "body_too_large",
                fmt::format("a prompt of {} bytes before each of {} texts is more text than a body may have, {} bytes",
                            prompt.size(), texts, most));
}

void read_truncation(const Fields& body, EmbeddingTask& task) {
  task.truncate = body.flag(body.either("truncate", "truncation")).value_or(true);
  if (!body.has("truncation_direction")) return;
  const std::string direction = body.choice("truncation_direction", {"right", "Right", "left", "Left"});
  task.truncate_left = direction == "left" || direction == "Left";
}

std::size_t read_max_tokens(const Fields& body, const char* key, std::size_t most) {
  constexpr std::size_t least = 8;  // special tokens of a pair, and two of each text
  const auto found = body.count(key, most);
  if (found && *found < least) {
    throw invalid_argument(fmt::format("'{}' should be at least {}, found {}", key, least, *found));
  }
  return found.value_or(0);
}

void read_dimensions(const Fields& body, const Services& services, EncodeOptions& options) {
  // Voyage calls it "output_dimension".
  options.truncate_dim =
      body.number(body.either("dimensions", "output_dimension"), services.models.about.dimension).value_or(0);
}

void embed(const Services& services, const std::shared_ptr<Exchange>& exchange, const EmbeddingTask& task,
           MakeResponse make) {
  const auto started = Clock::now();
  if (exchange->deadline() <= started) return exchange->fail_late();
  std::vector<TokenIds> ids = tokenize(services, task, exchange->unwanted());
  check_response_size(services.options, count_bytes(services.models.about, task, ids));
  auto callback = when_computed<Outcome>(
      services, exchange,
      [make = std::move(make), work = work_of(ids, started)](Exchange& responding, const Outcome& outcome) {
        Work done = work;
        done.times.queue = outcome.times.queue;
        done.times.compute = outcome.times.compute;
        responding.respond(make(outcome.embeddings, work.tokens), done);
      });
  EncodeOptions options = task.options;
  options.prompt.reset();  // the ids have it
  options.prompt_name.reset();
  services.models.embedder->submit_ids(std::move(ids), {std::move(options), exchange->deadline(), exchange->unwanted()},
                                       std::move(callback));
}

}  // namespace bgem3::server
