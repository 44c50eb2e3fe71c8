// The interface of OpenAI, and of Azure OpenAI, whose clients send other paths and keys.
#include <string>

#include <fmt/format.h>

#include "server/routes/embedding.h"
#include "server/routes/model_names.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

Response openai_response(const Matrix& dense, VectorFormat format, std::size_t tokens, const std::string& model) {
  if (format.layout == VectorLayout::raw) return raw_response(dense, format.type);
  Response response;
  std::string& json = response.body;
  json = R"({"object":"list","data":)";
  append_list(json, dense.rows(), [&](std::size_t row) {
    json += fmt::format(R"({{"object":"embedding","index":{},"embedding":)", row);
    append_vector(json, dense.row(row), format);
    json += '}';
  });
  json += ',';
  append_usage(json, model, tokens);
  json += '}';
  return response;
}

// What the text is for, as Voyage, Cohere ("input_type") and Jina ("task") call it: the model's own prompt for that.
void read_purpose(const Fields& body, EmbeddingTask& task) {
  const char* key = body.either("input_type", "task");
  const std::string purpose = body.choice(key, {"text", "query", "document", "search_query", "search_document",
                                                "retrieval.query", "retrieval.passage", "text-matching"});
  if (!body.has(key) || purpose.starts_with("text")) return;
  if (task.options.prompt || task.options.prompt_name || !task.ids.empty()) {
    throw invalid_argument(fmt::format(
        "'{}' stands for a prompt of the model before texts; leave it out beside 'prompt', 'prompt_name' and token ids",
        key));
  }
  task.options.prompt_name = purpose.ends_with("query") ? "query" : "document";
}

// Fields of services that speak nearly the same language: Voyage, Mixedbread, Jina, vLLM.
void read_variants(const Fields& body, const Services& services, EmbeddingTask& task) {
  read_purpose(body, task);
  task.options.normalize = body.flag(body.either("normalize", "normalized"));
  task.max_length = read_max_tokens(body, "truncate_prompt_tokens", services.models.about.max_length);
  if (body.flag("late_chunking").value_or(false)) {
    throw invalid_argument("'late_chunking' should be false or left out: each text is embedded by itself");
  }
}

JsonFields describe(const std::string& id, const ModelDescription& about) {
  return {{"id", id}, {"object", "model"}, {"created", about.loaded}, {"owned_by", "bgem3"}};
}

}  // namespace

void handle_openai_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  EmbeddingTask task;
  read_inputs(body, "input", services, task);
  read_prompt(body, task.options);
  read_truncation(body, task);
  read_dimensions(body, services, task.options);
  read_variants(body, services, task);
  task.format = read_vector_format(body, exchange->request());
  // Who asks whom, in which turn, and what LiteLLM's proxy reads itself.
  body.pass_over({"model", "user", "priority", "request_id", "drop_params"});
  body.refuse_others();
  const std::string& model = services.models.about.id;
  embed(services, exchange, task, [format = task.format, &model](const Embeddings& embeddings, std::size_t tokens) {
    return openai_response(embeddings.dense, format, tokens, model);
  });
}

void handle_models(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  Response response;
  response.body = R"({"object":"list","data":)";
  const auto names = model_names(services.models);
  append_list(response.body, names.size(),
              [&](std::size_t i) { response.body += describe(names[i], services.models.about).object(); });
  response.body += '}';
  exchange->respond(std::move(response));
}

void handle_model(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const std::string id = path_parameter(*exchange);
  exchange->respond(json_response(describe(find_model(services.models, id), services.models.about)));
}

}  // namespace bgem3::server
