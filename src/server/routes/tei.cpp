// The interface of text-embeddings-inference: vectors and scores.
#include <string>

#include <fmt/format.h>

#include "bgem3/scores.h"
#include "server/routes/embedding.h"
#include "server/routes/ranking.h"
#include "server/routes/rerank.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"
#include "server/routes/tei.h"

namespace bgem3::server {
namespace {

// Beside what is asked for; "model" is for those who serve several.
EmbeddingTask read_task(const Fields& body, const Services& services) {
  EmbeddingTask task;
  read_inputs(body, "inputs", services, task);
  read_truncation(body, task);
  read_prompt(body, task.options);
  body.pass_over({"model"});
  return task;
}

void append_sparse(std::string& json, const LexicalWeights& weights) {
  append_list(json, weights.size(), [&](std::size_t i) {
    json += fmt::format(R"({{"index":{},"value":{}}})", weights[i].id, weights[i].weight);
  });
}

void respond_to_embed(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  EmbeddingTask task = read_embedding(body, services);
  task.format = read_vector_format(body, exchange->request());
  body.refuse_others();
  embed(services, exchange, task, [format = task.format](const Embeddings& embeddings, std::size_t) {
    return dense_response(embeddings.dense, format);
  });
}

// The sentences against one: the cosine of the dense vectors.
void respond_to_similarity(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  const Fields inputs = body.object("inputs");
  const Fields parameters = body.object("parameters");
  EmbeddingTask task;
  task.texts = {inputs.text("source_sentence")};
  for (auto& sentence : inputs.texts("sentences", services.options.texts_max))
    task.texts.push_back(std::move(sentence));
  read_truncation(parameters, task);
  read_prompt(parameters, task.options);
  task.options.normalize = true;
  body.pass_over({"model"});
  for (const auto* fields : {&inputs, &parameters}) fields->refuse_others();
  body.refuse_others();
  embed(services, exchange, task, [](const Embeddings& embeddings, std::size_t) {
    const Matrix& dense = embeddings.dense;
    return array_response(dense.rows() - 1, [&](std::string& json, std::size_t i) {
      json += fmt::format("{}", dense_score(dense.row(0), dense.row(i + 1)));
    });
  });
}

}  // namespace

EmbeddingTask read_embedding(const Fields& body, const Services& services) {
  EmbeddingTask task = read_task(body, services);
  task.options.normalize = body.flag("normalize").value_or(true);
  read_dimensions(body, services, task.options);
  return task;
}

void handle_embed(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  respond_to_embed(services, exchange, read_body(services, *exchange));
}

// Clients of text-embeddings-inference that know no route but the address, and SageMaker: what is wanted shows.
void handle_any(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  if (body.mentions("texts") || body.mentions("documents")) return rank_texts_or_documents(services, exchange, body);
  body.is_object("inputs") ? respond_to_similarity(services, exchange, body)
                           : respond_to_embed(services, exchange, body);
}

void handle_embed_sparse(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  EmbeddingTask task = read_task(body, services);
  task.options.dense = false;
  task.options.sparse = true;
  const std::size_t top_k = body.number("top_k", services.models.tokenizer.vocabulary_size()).value_or(0);
  body.refuse_others();
  embed(services, exchange, task, [top_k](const Embeddings& embeddings, std::size_t) {
    return array_response(embeddings.sparse.size(), [&](std::string& json, std::size_t text) {
      append_sparse(json, top_weights(embeddings.sparse[text], top_k));
    });
  });
}

void handle_embed_all(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  EmbeddingTask task = read_task(body, services);
  task.options.dense = false;
  task.options.colbert = true;
  task.format = read_json_vector_format(body, exchange->request());
  body.refuse_others();
  embed(services, exchange, task, [format = task.format](const Embeddings& embeddings, std::size_t) {
    return array_response(embeddings.colbert.size(), [&](std::string& json, std::size_t text) {
      append_vectors(json, embeddings.colbert[text], format);
    });
  });
}

void handle_similarity(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  respond_to_similarity(services, exchange, read_body(services, *exchange));
}

// Pairs as a classifier sees them: with its one label.
void handle_predict(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  const auto texts = body.text_pairs("inputs", services.options.texts_max);
  const bool is_one = body.is_pair("inputs");
  RankingTask task;
  task.options = read_cut(body, services);
  task.raw_scores = body.flag("raw_scores").value_or(false);
  for (const auto& [first, second] : texts) task.pairs.push_back({first, second});
  body.object("parameters").refuse_others();
  body.pass_over({"model"});
  body.refuse_others();
  const auto make = [is_one, &label = services.models.reranker_label](const Relevance& relevance) {
    const auto append = [&](std::string& json, std::size_t i) {
      json += fmt::format(R"([{{"score":{},"label":{}}}])", relevance.scores[i], json_string(label));
    };
    Response response;
    if (!is_one) return array_response(relevance.scores.size(), append);
    append(response.body, 0);
    return response;
  };
  rank(services, exchange, task, make);
}

}  // namespace bgem3::server
