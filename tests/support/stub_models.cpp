// Vectors that only depend on the token ids, at once, or as late or as wrong as a text asks for.
#include "support/stub_models.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bgem3/eigen.h"
#include "support/failing_allocations.h"

namespace bgem3::test {
namespace {

using namespace server;

constexpr std::size_t dimension = 16;

std::string text_of(const Tokenizer& tokenizer, const TokenIds& ids) {
  std::string text;
  for (std::size_t i = 1; i + 1 < ids.size(); ++i) text += tokenizer.piece(ids[i]);
  constexpr std::string_view space = "▁";
  for (auto at = text.find(space); at != std::string::npos; at = text.find(space)) text.replace(at, space.size(), " ");
  return text.substr(text.starts_with(' ') ? 1 : 0);
}

// N of "WORD N …", 0 for other texts.
int number_after(std::string_view word, const std::string& text) {
  return text.starts_with(word) ? std::atoi(text.c_str() + word.size()) : 0;
}

// Comes on a bit every few milliseconds, as a model does by its layers.
void sleep(int milliseconds, const ProgressCallback& on_progress) {
  for (int slept = 0; slept < milliseconds; slept += 5) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!on_progress({})) throw Error(ErrorCode::cancelled, "nobody waits any more");
  }
}

// What the texts of a batch ask for; as a model, it takes them all at the same time.
void obey(const Tokenizer& tokenizer, const std::vector<TokenIds>& texts, const ProgressCallback& on_progress) {
  constexpr std::string_view failing = "failing allocations ";
  int sleep_ms = 0, stall_ms = 0;
  for (const auto& ids : texts) {
    const std::string text = text_of(tokenizer, ids);
    if (text.starts_with("out of memory"))
      throw Error(ErrorCode::out_of_memory, "not enough memory, as the text asked for");
    if (text.starts_with("internal error")) throw std::runtime_error("an unexpected exception, as the text asked for");
    if (text.starts_with(failing)) failing_one_in = static_cast<unsigned>(number_after(failing, text));
    sleep_ms = std::max(sleep_ms, number_after("sleep ", text));
    stall_ms = std::max(stall_ms, number_after("stall ", text));
  }
  sleep(sleep_ms, on_progress);
  std::this_thread::sleep_for(std::chrono::milliseconds(stall_ms));
}

Eigen::RowVectorXf vector_of(const TokenIds& ids, std::size_t size, bool normalize) {
  Eigen::RowVectorXf vector = Eigen::RowVectorXf::Zero(static_cast<Eigen::Index>(size));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    vector[static_cast<Eigen::Index>(i % size)] += std::sin(static_cast<float>(ids[i]) + static_cast<float>(i));
  }
  return normalize ? Eigen::RowVectorXf(vector.normalized()) : vector;
}

Embeddings encode(const Tokenizer& tokenizer, const std::vector<TokenIds>& texts, const EncodeOptions& options) {
  obey(tokenizer, texts, options.on_progress);
  const std::size_t size = options.truncate_dim == 0 ? dimension : options.truncate_dim;
  const bool normalize = options.normalize.value_or(true);
  Embeddings embeddings;
  if (options.dense) embeddings.dense = Matrix(texts.size(), size);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const TokenIds& ids = texts[i];
    if (options.dense) as_eigen(embeddings.dense.row(i)) = vector_of(ids, size, normalize);
    if (options.sparse) {
      LexicalWeights weights;
      for (const auto id : ids) {
        if (id > 3) weights.push_back({id, 1.0F / static_cast<float>(id)});
      }
      std::sort(weights.begin(), weights.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
      weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
      embeddings.sparse.push_back(std::move(weights));
    }
    if (options.colbert) {
      Matrix rows(ids.size() - 1, size);
      for (std::size_t k = 1; k < ids.size(); ++k) as_eigen(rows.row(k - 1)) = vector_of({ids[k]}, size, normalize);
      embeddings.colbert.push_back(std::move(rows));
    }
    embeddings.token_counts.push_back(ids.size());
  }
  return embeddings;
}

// <s> query </s></s> passage </s>
std::vector<PairIds> tokenize(const Tokenizer& tokenizer, std::span<const TextPair> pairs) {
  std::vector<PairIds> all;
  for (const auto& pair : pairs) {
    TokenIds& ids = all.emplace_back().ids;
    ids = tokenizer.encode(pair.query);
    TokenIds passage = tokenizer.encode(pair.passage);
    passage.front() = tokenizer.special_tokens().eos;
    ids.insert(ids.end(), passage.begin(), passage.end());
  }
  return all;
}

// A longer passage is more relevant. What the passage asks for is done.
std::vector<float> score(const Tokenizer& tokenizer, const std::vector<PairIds>& pairs, const RerankOptions& options) {
  std::vector<TokenIds> passages;
  std::vector<float> scores;
  for (const auto& [ids, second_begin] : pairs) {
    const auto query_end = std::find(ids.begin(), ids.end(), tokenizer.special_tokens().eos);
    passages.emplace_back(query_end + 1, ids.end());
    scores.push_back(static_cast<float>(passages.back().size()) - static_cast<float>(query_end - ids.begin()));
  }
  obey(tokenizer, passages, options.on_progress);
  return scores;
}

void activate(std::span<float> logits) {
  for (float& logit : logits) logit = 1 / (1 + std::exp(-logit));
}

}  // namespace

Models load_stub_models(const ServerOptions& options, const OnBatch& on_batch) {
  const Tokenizer tokenizer = Tokenizer::load(options.model);
  ModelInfo info;
  info.config.hidden_size = dimension;
  info.config.prompts = {{{"query", "question: "}}, std::nullopt};
  info.sparse_file = "sparse_linear.pt";
  info.colbert_file = "colbert_linear.pt";
  info.colbert_size = dimension;
  info.device = "cpu";
  info.threads = 1;
  ModelDescription about{
      .id = "stub", .info = std::move(info), .loaded = 0, .dimension = dimension, .max_length = options.max_length};
  auto batching = std::make_unique<BatchingEmbedder>(
      tokenizer, options.max_length,
      [tokenizer](const std::vector<TokenIds>& texts, const EncodeOptions& wanted) {
        return encode(tokenizer, texts, wanted);
      },
      batching_options(options, ModelRole::embedder, on_batch));
  auto reranking =
      std::make_unique<BatchingReranker>([tokenizer](std::span<const TextPair> pairs, const RerankOptions&,
                                                     const std::stop_token&) { return tokenize(tokenizer, pairs); },
                                         [tokenizer](const std::vector<PairIds>& pairs, const RerankOptions& wanted) {
                                           return score(tokenizer, pairs, wanted);
                                         },
                                         batching_options(options, ModelRole::reranker, on_batch));
  return {std::move(about),
          tokenizer,
          std::move(batching),
          [] { return Statistics(); },
          std::move(reranking),
          "stub-reranker",
          tokenizer,
          "LABEL_0",
          activate};
}

}  // namespace bgem3::test
