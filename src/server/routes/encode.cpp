
#include <fmt/format.h>

#include "bgem3/scores.h"
#include "server/routes/embedding.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

struct ResponseForm {
  VectorFormat format;
  std::size_t top_k = 0;  // 0: all weights
  bool as_lists = false;  // of the ids and of the weights, as Qdrant takes sparse vectors

  void append_sparse(std::string& json, const LexicalWeights& all) const {
    json += R"(,"sparse":)";
    const LexicalWeights weights = top_weights(all, top_k);
    if (!as_lists) return append_weights(json, weights);
    json += R"({"indices":)";
    append_list(json, weights.size(), [&](std::size_t i) { json += fmt::format("{}", weights[i].id); });
    json += R"(,"values":)";
    append_list(json, weights.size(), [&](std::size_t i) { json += fmt::format("{}", weights[i].weight); });
    json += '}';
  }

  void append_text(std::string& json, const Embeddings& embeddings, std::size_t text) const {
    json += fmt::format(R"({{"index":{},"tokens":{})", text, embeddings.token_counts[text]);
    if (embeddings.dense.rows() > 0) {
      json += R"(,"dense":)";
      append_vector(json, embeddings.dense.row(text), format);
    }
    if (!embeddings.sparse.empty()) append_sparse(json, embeddings.sparse[text]);
    if (!embeddings.colbert.empty()) {
      json += R"(,"colbert":)";
      append_vectors(json, embeddings.colbert[text], format);
    }
    json += '}';
  }

  [[nodiscard]] Response make(const Embeddings& embeddings, std::size_t tokens, const std::string& model) const {
    Response response;
    std::string& json = response.body;
    json = R"({"data":)";
    append_list(json, embeddings.token_counts.size(), [&](std::size_t text) { append_text(json, embeddings, text); });
    json += ',';
    append_usage(json, model, tokens);
    json += '}';
    return response;
  }
};

// Fields of what is not asked for.
void refuse_vain(const Fields& body, std::initializer_list<const char*> keys, const char* of) {
  for (const char* key : keys) {
    if (!body.has(key)) continue;
    throw invalid_argument(fmt::format("'{}' is of {}, which are not asked for; leave it out", key, of));
  }
}

// What is not mentioned is computed, if the model can.
EncodeOptions wanted(const Fields& body, const Services& services) {
  const ModelInfo& info = services.models.about.info;
  EncodeOptions options;
  options.dense = body.flag("dense").value_or(true);
  options.sparse = body.flag("sparse").value_or(info.has_sparse());
  options.colbert = body.flag("colbert").value_or(info.has_colbert());
  read_dimensions(body, services, options);
  read_prompt(body, options);
  return options;
}

}  // namespace

void handle_encode(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  EmbeddingTask task;
  read_inputs(body, "input", services, task);
  task.options = wanted(body, services);
  read_truncation(body, task);
  const bool dense_alone = task.options.dense && !task.options.sparse && !task.options.colbert;
  const Request& request = exchange->request();
  task.format = dense_alone ? read_vector_format(body, request) : read_json_vector_format(body, request);
  const ResponseForm form{task.format, body.number("top_k", services.models.tokenizer.vocabulary_size()).value_or(0),
                          body.choice("sparse_format", {"object", "lists"}) == "lists"};
  if (!task.options.sparse) refuse_vain(body, {"top_k", "sparse_format"}, "sparse vectors");
  if (!task.options.dense && !task.options.colbert) {
    refuse_vain(body, {"dimensions", "output_dimension", "encoding_format", "embedding_type", "output_dtype"},
                "dense and ColBERT vectors");
  }
  body.pass_over({"model", "user"});
  body.refuse_others();
  const std::string& model = services.models.about.id;
  embed(services, exchange, task, [form, &model](const Embeddings& embeddings, std::size_t tokens) {
    const bool is_raw = form.format.layout == VectorLayout::raw;
    return is_raw ? raw_response(embeddings.dense, form.format.type) : form.make(embeddings, tokens, model);
  });
}

}  // namespace bgem3::server
