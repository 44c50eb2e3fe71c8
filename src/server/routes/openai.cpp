#include <fmt/format.h>

#include "server/body.h"
#include "server/routes/dense_answer.h"
#include "server/routes/embedding.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

Response openai_answer(const Matrix& dense, bool base64, std::size_t tokens, const std::string& model) {
  Response response;
  std::string& json = response.body;
  json = R"({"object":"list","data":)";
  append_list(json, dense.rows(), [&](std::size_t row) {
    json += fmt::format(R"({{"object":"embedding","index":{},"embedding":)", row);
    base64 ? append_base64(json, dense.row(row)) : append_numbers(json, dense.row(row));
    json += '}';
  });
  json += ',';
  append_usage(json, model, tokens);
  json += '}';
  return response;
}

}  // namespace

void handle_openai_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  EmbeddingTask task;
  task.texts = body.texts("input", services.options.texts_max);
  task.options.truncate_dim = body.number("dimensions", services.models.about.dimension).value_or(0);
  read_prompt(body, task.options);
  const bool base64 = body.choice("encoding_format", {"float", "base64"}) == "base64";
  const auto raw = wanted_raw_type(exchange->request());
  const std::string& model = services.models.about.id;
  embed(services, exchange, task, [base64, raw, &model](const Embeddings& embeddings, std::size_t tokens) {
    if (raw) return raw_response(embeddings.dense, *raw);
    return openai_answer(embeddings.dense, base64, tokens, model);
  });
}

}  // namespace bgem3::server
