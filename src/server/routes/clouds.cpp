// What clouds ask a container: Azure ML, SageMaker and Vertex AI.
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "server/routes/embedding.h"
#include "server/routes/rerank.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"
#include "server/routes/tei.h"

namespace bgem3::server {
namespace {

// Each instance is a body of /embed; all have the same fields beside their texts, since they are computed as one.
EmbeddingTask read_instances(const std::vector<Fields>& instances, const Services& services, const Request& request,
                             std::vector<std::size_t>& counts) {
  const std::size_t texts_max = services.options.texts_max;
  EmbeddingTask all;
  std::vector<std::string> texts;
  std::vector<TokenIds> ids;
  for (const auto& instance : instances) {
    if (!instance.equals(instances.front(), "inputs")) {
      throw invalid_argument("all 'instances' should have the same fields but for 'inputs'; send others by themselves");
    }
    EmbeddingTask task = read_embedding(instance, services);
    task.format = read_json_vector_format(instance, request);
    instance.refuse_others();
    counts.push_back(task.texts.size() + task.ids.size());
    texts.insert(texts.end(), std::make_move_iterator(task.texts.begin()), std::make_move_iterator(task.texts.end()));
    ids.insert(ids.end(), std::make_move_iterator(task.ids.begin()), std::make_move_iterator(task.ids.end()));
    if (!texts.empty() && !ids.empty()) {
      throw invalid_argument("'instances' should all have texts, or all token ids");
    }
    if (const std::size_t found = texts.size() + ids.size(); found > texts_max) {
      throw Failure(413, "too_many_texts",
                    fmt::format("'instances' may have {} texts together, found {}", texts_max, found));
    }
    all = std::move(task);
  }
  all.texts = std::move(texts);
  all.ids = std::move(ids);
  return all;
}

}  // namespace

// Azure ML's; vLLM has the scores of pairs at the same address.
void handle_score(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  if (has_pairs(body)) return score_pairs(services, exchange, body);
  EmbeddingTask task;
  if (body.is_object()) {
    read_inputs(body, "input", services, task);
    read_prompt(body, task.options);
    read_truncation(body, task);
    task.format = read_vector_format(body, exchange->request());
    body.pass_over({"model"});
    body.refuse_others();
  } else {
    task.texts = body.bare_texts(services.options.texts_max);
    task.format = accepted_vector_format(exchange->request());
  }
  embed(services, exchange, task, [format = task.format](const Embeddings& embeddings, std::size_t) {
    return dense_response(embeddings.dense, format);
  });
}

void handle_vertex(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  const auto instances = body.objects("instances", services.options.texts_max);
  body.object("parameters").refuse_others();
  body.refuse_others();
  std::vector<std::size_t> counts;
  const EmbeddingTask task = read_instances(instances, services, exchange->request(), counts);
  embed(services, exchange, task, [counts, format = task.format](const Embeddings& embeddings, std::size_t) {
    Response response;
    response.body = R"({"predictions":)";
    std::size_t row = 0;
    append_list(response.body, counts.size(), [&](std::size_t instance) {
      append_list(response.body, counts[instance],
                  [&](std::size_t) { append_vector(response.body, embeddings.dense.row(row++), format); });
    });
    response.body += '}';
    return response;
  });
}

}  // namespace bgem3::server
