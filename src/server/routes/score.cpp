#include "server/body.h"
#include "server/routes/dense_answer.h"
#include "server/routes/embedding.h"
#include "server/routes/routes.h"

namespace bgem3::server {

void handle_score(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  const std::size_t texts_max = services.options.texts_max;
  EmbeddingTask task;
  task.texts = body.is_object() ? body.texts("input", texts_max) : body.bare_texts(texts_max);
  if (body.is_object()) read_prompt(body, task.options);
  const auto raw = wanted_raw_type(exchange->request());
  embed(services, exchange, task,
        [raw](const Embeddings& embeddings, std::size_t) { return dense_answer(embeddings.dense, raw); });
}

}  // namespace bgem3::server
