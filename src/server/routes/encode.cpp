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
    json += R"(,"sparse":{)";
    const char* separator = "";
    for (const auto& [id, weight] : top_weights(all, top_k)) {
      json += fmt::format("{}\"{}\":{}", separator, id, weight);
      separator = ",";
    }
    json += '}';
  }

  void append_colbert(std::string& json, const Matrix& rows) const {
    json += R"(,"colbert":[)";
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows.rows()); ++row) {
      if (row > 0) json += ',';
      append_vector(json, row_of(rows, row));
    }
    json += ']';
  }

  void append_text(std::string& json, const Embeddings& embeddings, std::size_t text) const {
    json += fmt::format(R"({{"index":{},"tokens":{})", text, embeddings.token_counts[text]);
    if (embeddings.dense.rows() > 0) {
      json += R"(,"dense":)";
      append_vector(json, row_of(embeddings.dense, text));
    }
    if (!embeddings.sparse.empty()) append_sparse(json, embeddings.sparse[text]);
    if (!embeddings.colbert.empty()) append_colbert(json, embeddings.colbert[text]);
    json += '}';
  }

  [[nodiscard]] Response make(const Embeddings& embeddings, std::size_t tokens, const std::string& model) const {
    Response response;
    std::string& json = response.body;
    json = R"({"data":[)";
    for (std::size_t text = 0; text < embeddings.token_counts.size(); ++text) {
      if (text > 0) json += ',';
      append_text(json, embeddings, text);
    }
    json += fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                        nlohmann::json(model).dump(), tokens, tokens);
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
  return options;
}

}  // namespace

void handle_encode(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body(exchange->request().body);
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
