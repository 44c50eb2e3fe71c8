// Relevance of texts to a query, in the shapes of text-embeddings-inference ("texts") and of Cohere, Jina and vLLM
// ("documents"); and of pairs, as vLLM has it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bgem3/scores.h"
#include "server/routes/embedding.h"
#include "server/routes/ranking.h"
#include "server/routes/rerank.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

constexpr std::size_t top_n_max = std::numeric_limits<std::int32_t>::max();

using Texts = std::vector<std::string>;

std::vector<TextPair> pairs_of(const std::string& query, const Texts& passages) {
  std::vector<TextPair> pairs;
  pairs.reserve(passages.size());
  for (const auto& passage : passages) pairs.push_back({query, passage});
  return pairs;
}

// Scores are logits where a field says so: "raw_scores", or vLLM's "use_activation".
bool wants_logits(const Fields& body) {
  const char* key = body.either("raw_scores", "use_activation");
  const auto flag = body.flag(key);
  return flag && *flag == (key == std::string_view("raw_scores"));
}

// text-embeddings-inference's

void rank_texts(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  const auto texts = std::make_shared<Texts>(body.texts("texts", services.options.texts_max));
  const std::string query = body.text("query");
  const RankingTask task{pairs_of(query, *texts), read_cut(body, services), wants_logits(body)};
  const bool return_text = body.flag("return_text").value_or(false);
  const std::size_t most = body.count("top_n", top_n_max).value_or(texts->size());
  body.pass_over({"model"});
  body.refuse_others();
  rank(services, exchange, task, [texts, return_text, most](const Relevance& relevance) {
    const auto order = relevance.best(most);
    return array_response(order.size(), [&](std::string& json, std::size_t i) {
      json += fmt::format(R"({{"index":{},"score":{})", order[i], relevance.scores[order[i]]);
      if (return_text) json += ",\"text\":" + json_string((*texts)[order[i]]);
      json += '}';
    });
  });
}

// Cohere's and Jina's

struct Ranking {
  std::string id;
  std::string model;
  std::optional<Texts> documents;  // to be returned
  std::size_t most = 0;

  [[nodiscard]] Response make(const Relevance& relevance) const {
    Response response;
    std::string& json = response.body;
    json = fmt::format(R"({{"id":{},"results":)", json_string(id));
    const auto order = relevance.best(most);
    append_list(json, order.size(), [&](std::size_t i) {
      json += fmt::format(R"({{"index":{},"relevance_score":{})", order[i], relevance.scores[order[i]]);
      if (documents) json += fmt::format(R"(,"document":{{"text":{}}})", json_string((*documents)[order[i]]));
      json += '}';
    });
    json += ',';
    append_usage(json, model, relevance.tokens);
    // Cohere's clients and Xinference's read it there.
    json += fmt::format(R"(,"meta":{{"tokens":{{"input_tokens":{},"output_tokens":0}}}}}})", relevance.tokens);
    return response;
  }
};

// Of each document the first tokens, as many as Cohere's "max_tokens_per_doc" says.
void shorten(Texts& documents, const Fields& body, const Services& services, const std::stop_token& stop) {
  const auto most = body.number("max_tokens_per_doc", std::numeric_limits<std::int32_t>::max());
  if (!most || !services.models.reranker) return;
  constexpr std::size_t special = 2;
  const Tokenizer& tokenizer = *services.models.reranker_tokenizer;
  // One that cuts the beginning of texts would not stop early at the right end.
  const std::size_t limit = tokenizer.truncates_left() ? 0 : *most + special;
  for (auto& document : documents) {
    const auto tokens = tokenizer.encode_with_offsets(document, limit, stop);
    if (tokens.ids.size() >= *most + special) document.resize(tokens.offsets[*most].end);
  }
}

void rank_documents(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  Texts documents = body.documents("documents", services.options.texts_max);
  shorten(documents, body, services, exchange->unwanted());
  const std::string query = body.text("query");
  const RankingTask task{pairs_of(query, documents), read_cut(body, services), wants_logits(body)};
  Ranking ranking{
      exchange->id(), services.models.reranker_id, {}, body.count("top_n", top_n_max).value_or(documents.size())};
  const bool return_documents = body.lenient_flag("return_documents").value_or(false);
  if (body.has("rank_fields") && body.texts("rank_fields", services.options.texts_max) != Texts{"text"}) {
    throw invalid_argument("'rank_fields' should be [\"text\"] or left out: documents are ranked by their 'text'");
  }
  (void)body.choice("kwargs", {"{}"});  // which Xinference's client always sends
  // The usage is always told, no document is split, and turns go by the order in which requests come.
  body.pass_over({"model", "user", "return_len", "max_chunks_per_doc", "priority", "request_id"});
  body.refuse_others();
  if (return_documents) ranking.documents = documents;  // the task refers to the others
  rank(services, exchange, task,
       [ranking = std::move(ranking)](const Relevance& relevance) { return ranking.make(relevance); });
}

// vLLM's

struct PairTexts {
  Texts firsts;  // as many as the others, or one for all
  Texts seconds;

  [[nodiscard]] std::size_t first_of(std::size_t pair) const { return firsts.size() == 1 ? 0 : pair; }
};

constexpr std::array pair_names = {std::pair("text_1", "text_2"), std::pair("queries", "documents"),
                                   std::pair("queries", "items"), std::pair("data_1", "data_2")};

PairTexts read_pairs(const Fields& body, std::size_t texts_max) {
  for (const auto& [first, second] : pair_names) {
    if (!body.mentions(first) || !body.mentions(second)) continue;
    PairTexts found{body.texts(first, texts_max), body.texts(second, texts_max)};
    if (found.firsts.size() == 1 || found.firsts.size() == found.seconds.size()) return found;
    throw invalid_argument(fmt::format("'{}' should have one text, or as many as '{}'; found {} and {}", first, second,
                                       found.firsts.size(), found.seconds.size()));
  }
  (void)body.has("text_1");  // which refuses what is no object
  throw invalid_argument("the body should have 'text_1' and 'text_2', or 'queries' and 'documents'");
}

Response pair_scores(const std::string& id, const std::string& model, const std::vector<float>& scores,
                     std::size_t tokens) {
  Response response;
  std::string& json = response.body;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  json = fmt::format(R"({{"id":{},"object":"list","created":{},"data":)", json_string(id),
                     std::chrono::duration_cast<std::chrono::seconds>(now).count());
  append_list(json, scores.size(), [&](std::size_t i) {
    json += fmt::format(R"({{"index":{},"object":"score","score":{}}})", i, scores[i]);
  });
  json += ',';
  append_usage(json, model, tokens);
  json += '}';
  return response;
}

// Without a cross-encoder: the cosine of the dense vectors.
void compare_vectors(const Services& services, const std::shared_ptr<Exchange>& exchange, const PairTexts& texts,
                     const RankingTask& wanted) {
  if (wanted.raw_scores) {
    throw invalid_argument("'raw_scores' should be false: this server has no cross-encoder, and a cosine no logit");
  }
  EmbeddingTask task;
  task.max_length = wanted.options.max_length;
  task.texts = texts.firsts;
  task.texts.insert(task.texts.end(), texts.seconds.begin(), texts.seconds.end());
  task.options.normalize = true;
  const bool one = texts.firsts.size() == 1;
  const std::size_t count = texts.seconds.size(), firsts = texts.firsts.size();
  const auto make = [one, count, firsts, id = exchange->id(), &model = services.models.about.id](
                        const Embeddings& embeddings, std::size_t tokens) {
    std::vector<float> scores(count);
    for (std::size_t i = 0; i < count; ++i) {
      scores[i] = dense_score(embeddings.dense.row(one ? 0 : i), embeddings.dense.row(firsts + i));
    }
    return pair_scores(id, model, scores, tokens);
  };
  embed(services, exchange, task, make);
}

}  // namespace

RerankOptions read_cut(const Fields& body, const Services& services) {
  (void)body.choice("truncation_direction", {"Right", "right"});
  (void)body.choice("truncation_side", {"right"});
  RerankOptions options;
  if (!body.flag("truncate").value_or(true)) {
    throw invalid_argument("'truncate' should be true or left out: pairs that are too long are always cut");
  }
  options.max_length = read_max_tokens(body, "truncate_prompt_tokens", services.models.about.max_length);
  return options;
}

void rank_texts_or_documents(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  body.mentions("documents") ? rank_documents(services, exchange, body) : rank_texts(services, exchange, body);
}

bool has_pairs(const Fields& body) {
  const auto has_them = [&](const auto& names) { return body.mentions(names.first) && body.mentions(names.second); };
  return std::any_of(pair_names.begin(), pair_names.end(), has_them);
}

void score_pairs(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body) {
  const PairTexts texts = read_pairs(body, services.options.texts_max);
  RankingTask task{{}, read_cut(body, services), wants_logits(body)};
  body.pass_over({"model", "user", "priority", "request_id"});
  body.refuse_others();
  if (!services.models.reranker) return compare_vectors(services, exchange, texts, task);
  for (std::size_t i = 0; i < texts.seconds.size(); ++i) {
    task.pairs.push_back({texts.firsts[texts.first_of(i)], texts.seconds[i]});
  }
  rank(services, exchange, task,
       [id = exchange->id(), &model = services.models.reranker_id](const Relevance& relevance) {
         return pair_scores(id, model, relevance.scores, relevance.tokens);
       });
}

void handle_rerank(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  rank_texts_or_documents(services, exchange, read_body(services, *exchange));
}

void handle_pair_scores(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  score_pairs(services, exchange, read_body(services, *exchange));
}

}  // namespace bgem3::server
