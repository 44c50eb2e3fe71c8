// The interface of text-embeddings-inference.
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bgem3/scores.h"
#include "server/body.h"
#include "server/json_fields.h"
#include "server/routes/dense_answer.h"
#include "server/routes/embedding.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

EmbeddingTask task_of(const Body& body, const Services& services) {
  (void)body.choice("truncation_direction", {"Right", "right"});
  EmbeddingTask task;
  task.texts = body.texts("inputs", services.options.texts_max);
  task.truncate = body.flag("truncate").value_or(true);
  read_prompt(body, task.options);
  return task;
}

// Calls append(json, item) for each of `count` items of a JSON array.
template <typename Append>
Response array_response(std::size_t count, Append append) {
  Response response;
  append_list(response.body, count, [&](std::size_t i) { append(response.body, i); });
  return response;
}

void append_sparse(std::string& json, const LexicalWeights& weights) {
  append_list(json, weights.size(), [&](std::size_t i) {
    json += fmt::format(R"({{"index":{},"value":{}}})", weights[i].id, weights[i].weight);
  });
}

// Written piece by piece: a long text as a tree of JSON values would take a hundred times its size.
void append_tokens(std::string& json, const Tokenizer& tokenizer, std::span<const std::int32_t> ids) {
  const auto& special = tokenizer.special_tokens();
  append_list(json, ids.size(), [&](std::size_t i) {
    const auto id = ids[i];
    const bool is_special = id == special.cls || id == special.eos || id == special.pad || id == special.mask;
    json += fmt::format(R"({{"id":{},"text":{},"special":{},"start":null,"stop":null}})", id,
                        json_string(tokenizer.piece(id)), is_special);
  });
}

}  // namespace

void handle_embed(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  EmbeddingTask task = task_of(body, services);
  task.options.normalize = body.flag("normalize");
  task.options.truncate_dim = body.number("dimensions", services.models.about.dimension).value_or(0);
  const auto raw = wanted_raw_type(exchange->request());
  embed(services, exchange, task,
        [raw](const Embeddings& embeddings, std::size_t) { return dense_answer(embeddings.dense, raw); });
}

void handle_embed_sparse(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  EmbeddingTask task = task_of(body, services);
  task.options.dense = false;
  task.options.sparse = true;
  const std::size_t top_k = body.number("top_k", services.models.tokenizer.vocabulary_size()).value_or(0);
  embed(services, exchange, task, [top_k](const Embeddings& embeddings, std::size_t) {
    return array_response(embeddings.sparse.size(), [&](std::string& json, std::size_t text) {
      append_sparse(json, top_weights(embeddings.sparse[text], top_k));
    });
  });
}

void handle_embed_all(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  EmbeddingTask task = task_of(body, services);
  task.options.dense = false;
  task.options.colbert = true;
  embed(services, exchange, task, [](const Embeddings& embeddings, std::size_t) {
    return array_response(embeddings.colbert.size(),
                          [&](std::string& json, std::size_t text) { append_rows(json, embeddings.colbert[text]); });
  });
}

void handle_tokenize(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const auto started = Clock::now();
  const Body body(exchange->request().body, services.options.texts_max);
  const auto texts = body.texts("inputs", services.options.texts_max);
  const bool with_special = body.flag("add_special_tokens").value_or(true);
  const Tokenizer& tokenizer = services.models.tokenizer;
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const std::vector<TokenIds> ids = tokenizer.encode_batch(views, 0, 0, exchange->unwanted());
  Work work;
  work.times.tokenize = Clock::now() - started;
  work.texts = ids.size();
  for (const auto& text : ids) work.tokens += text.size();
  constexpr std::size_t bytes_of_token = 80;
  check_answer_size(services.options, work.tokens * bytes_of_token);
  const auto append = [&](std::string& json, std::size_t text) {
    const std::span<const std::int32_t> all(ids[text]);
    append_tokens(json, tokenizer, with_special ? all : all.subspan(1, all.size() - 2));
  };
  exchange->reply(array_response(ids.size(), append), work);
}

}  // namespace bgem3::server
