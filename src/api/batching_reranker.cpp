#include "bgem3/batching_reranker.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/border.h"
#include "base/process_mark.h"
#include "batching/batcher.h"

namespace bgem3 {
namespace {

QueuedTexts to_texts(std::vector<PairIds> pairs) {
  QueuedTexts texts;
  for (auto& [ids, second_begin] : pairs) {
    texts.ids.push_back(std::move(ids));
    texts.second_begins.push_back(second_begin);
  }
  return texts;
}

// The queue knows texts and embeddings: a pair goes through it as a text, its logit as a dense vector of one number.
Embeddings encode_pairs(QueuedTexts texts, const BatchingReranker::ScoreIds& score, const EncodeOptions& batch) {
  Embeddings embeddings;
  embeddings.dense = Matrix(texts.ids.size(), 1);
  std::vector<PairIds> pairs;
  pairs.reserve(texts.ids.size());
  for (std::size_t i = 0; i < texts.ids.size(); ++i) {
    embeddings.token_counts.push_back(texts.ids[i].size());
    pairs.push_back({std::move(texts.ids[i]), texts.second_begins[i]});
  }
  RerankOptions options;
  options.max_length = batch.max_length;
  options.batch_size = batch.batch_size;
  options.batch_tokens = batch.batch_tokens;
  options.device = batch.device;
  options.on_progress = batch.on_progress;
  const std::vector<float> scores = score(std::move(pairs), options);
  if (scores.size() != embeddings.dense.size()) {
    throw Error(ErrorCode::internal,
                fmt::format("{} scores were expected, found {}", embeddings.dense.size(), scores.size()));
  }
  std::ranges::copy(scores, embeddings.dense.data());
  return embeddings;
}

RerankOutcome to_scores(const Outcome& outcome) {
  const auto& [dense, sparse, colbert, token_counts] = outcome.embeddings;
  return {{dense.data(), dense.data() + dense.size()},
          std::accumulate(token_counts.begin(), token_counts.end(), std::size_t{0}),
          outcome.times,
          outcome.error};
}

void respond(const BatchingReranker::Callback& callback, const Outcome& outcome) {
  RerankOutcome found;
  try {
    found = leave_as_error([&] { return to_scores(outcome); });
  } catch (...) {
    found.error = std::current_exception();
  }
  callback(std::move(found));
}

}  // namespace

struct BatchingReranker::Impl {
  Impl(TokenizePairs with_tokenize, ScoreIds with_score, BatchingOptions options)
      : tokenize(std::move(with_tokenize)),
        score(std::move(with_score)),
        batcher(make_owned_here<Batcher>(
            [this](QueuedTexts texts, const EncodeOptions& batch) {
              return encode_pairs(std::move(texts), score, batch);
            },
            std::move(options))) {}

  void validate(const RerankRequestOptions& request) const {
    batcher->expect_here("BatchingReranker");
    check_deadline(request.deadline);
    if (request.rerank.on_progress) {
      throw Error(ErrorCode::invalid_argument, "requests that share batches take no on_progress in RerankOptions");
    }
    leave_as_error([&] { (void)tokenize({}, request.rerank, {}); });
  }

  void push(std::vector<PairIds> pairs, RerankRequestOptions request, Callback callback,
            std::chrono::nanoseconds tokenize_time) {
    RequestOptions options;
    options.encode.device = request.rerank.device;
    options.deadline = request.deadline;
    options.stop = std::move(request.stop);
    batcher->push(
        to_texts(std::move(pairs)), std::move(options),
        [callback = std::move(callback)](const Outcome& outcome) { respond(callback, outcome); }, tokenize_time);
  }

  const TokenizePairs tokenize;
  const ScoreIds score;
  OwnedHere<Batcher> batcher;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): it cannot be moved on, arguments are computed in any order
BatchingReranker::BatchingReranker(Reranker reranker, BatchingOptions options)
    : BatchingReranker([reranker](std::span<const TextPair> pairs, const RerankOptions& wanted,
                                  const std::stop_token& stop) { return reranker.tokenize(pairs, wanted, stop); },
                       [reranker](std::vector<PairIds> pairs, const RerankOptions& wanted) {
                         return reranker.score_ids(std::move(pairs), wanted);
                       },
                       with_defaults(std::move(options), reranker.info().device)) {}

BatchingReranker::BatchingReranker(TokenizePairs tokenize, ScoreIds score, BatchingOptions options)
    : impl_(leave_as_error(
          [&] { return std::make_unique<Impl>(std::move(tokenize), std::move(score), std::move(options)); })) {}

BatchingReranker::BatchingReranker(BatchingReranker&&) noexcept = default;
BatchingReranker& BatchingReranker::operator=(BatchingReranker&&) noexcept = default;
BatchingReranker::~BatchingReranker() = default;

void BatchingReranker::submit(std::span<const TextPair> pairs, RerankRequestOptions options, Callback callback) {
  const auto started = Clock::now();
  impl_->validate(options);
  if (pairs.empty()) return callback({});
  leave_as_error([&] {
    auto ids = impl_->tokenize(pairs, options.rerank, options.stop);
    impl_->push(std::move(ids), std::move(options), std::move(callback), Clock::now() - started);
  });
}

void BatchingReranker::submit_ids(std::vector<PairIds> pairs, RerankRequestOptions options, Callback callback) {
  impl_->validate(options);
  if (pairs.empty()) return callback({});
  leave_as_error([&] { impl_->push(std::move(pairs), std::move(options), std::move(callback), {}); });
}

std::future<std::vector<float>> BatchingReranker::submit(std::span<const TextPair> pairs,
                                                         RerankRequestOptions options) {
  auto [callback, scores] = leave_as_error([] { return promise_of(&RerankOutcome::scores); });
  submit(pairs, std::move(options), std::move(callback));
  return std::move(scores);
}

std::future<std::vector<float>> BatchingReranker::submit(std::initializer_list<TextPair> pairs,
                                                         RerankRequestOptions options) {
  return submit(std::span(pairs.begin(), pairs.size()), std::move(options));
}

void BatchingReranker::drain() { impl_->batcher->drain(); }

BatchingStatistics BatchingReranker::statistics() const {
  impl_->batcher->expect_here("BatchingReranker");
  return impl_->batcher->statistics();
}

}  // namespace bgem3
