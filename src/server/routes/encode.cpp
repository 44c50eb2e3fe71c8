#include <algorithm>

#include <fmt/format.h>

#include "bgem3/scores.h"
#include "server/body.h"
#include "server/routes/dense_answer.h"
#include "server/routes/embedding.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

struct EncodeAnswer {
  bool base64 = false;
  std::size_t top_k = 0;  // 0: all weights

  void append_vector(std::string& json, std::span<const float> values) const {
    base64 ? append_base64(json, values) : append_numbers(json, values);
  }

  void append_sparse(std::string& json, const LexicalWeights& all) const {
    json += R"(,"sparse":)";
    append_weights(json, top_weights(all, top_k));
  }

  void append_colbert(std::string& json, const Matrix& rows) const {
    json += R"(,"colbert":)";
    append_list(json, rows.rows(), [&](std::size_t row) { append_vector(json, rows.row(row)); });
  }

  void append_text(std::string& json, const Embeddings& embeddings, std::size_t text) const {
    json += fmt::format(R"({{"index":{},"tokens":{})", text, embeddings.token_counts[text]);
    if (embeddings.dense.rows() > 0) {
      json += R"(,"dense":)";
      append_vector(json, embeddings.dense.row(text));
    }
    if (!embeddings.sparse.empty()) append_sparse(json, embeddings.sparse[text]);
    if (!embeddings.colbert.empty()) append_colbert(json, embeddings.colbert[text]);
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

// What is not mentioned is computed, if the model can.
EncodeOptions wanted(const Body& body, const ModelDescription& about) {
  EncodeOptions options;
  options.dense = body.flag("dense").value_or(true);
  options.sparse = body.flag("sparse").value_or(about.has_sparse);
  options.colbert = body.flag("colbert").value_or(about.has_colbert);
  options.truncate_dim = body.number("dimensions", about.dimension).value_or(0);
  read_prompt(body, options);
  return options;
}

}  // namespace

void handle_encode(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body, services.options.texts_max);
  const EmbeddingTask task{body.texts("input", services.options.texts_max), wanted(body, services.models.about),
                           body.flag("truncate").value_or(true)};
  const EncodeAnswer answer{body.choice("encoding_format", {"float", "base64"}) == "base64",
                            body.number("top_k", services.models.tokenizer.vocabulary_size()).value_or(0)};
  const bool dense_alone = task.options.dense && !task.options.sparse && !task.options.colbert;
  const auto raw = dense_alone ? wanted_raw_type(exchange->request()) : std::nullopt;
  const std::string& model = services.models.about.id;
  embed(services, exchange, task, [answer, raw, &model](const Embeddings& embeddings, std::size_t tokens) {
    return raw ? raw_response(embeddings.dense, *raw) : answer.make(embeddings, tokens, model);
  });
}

}  // namespace bgem3::server
