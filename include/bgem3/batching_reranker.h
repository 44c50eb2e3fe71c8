#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "bgem3/batching_embedder.h"
#include "bgem3/reranker.h"

namespace bgem3 {

/// One request to a BatchingReranker.
struct RerankRequestOptions {
  /// How to read the pairs. Batch sizes have no effect, those of BatchingOptions count; on_progress is refused.
  RerankOptions rerank;
  std::chrono::steady_clock::time_point deadline =
      std::chrono::steady_clock::time_point::max();  ///< as of RequestOptions
  std::stop_token stop;                              ///< as of RequestOptions
};

/// How a request ended: with scores, or with an Error.
struct RerankOutcome {
  std::vector<float> scores;  ///< of B pairs, as Reranker::score
  std::size_t tokens = 0;     ///< of all pairs, after truncation
  RequestTimes times;
  std::exception_ptr error;  ///< null: it went well
};

/// Merges the requests of many threads into batches, as BatchingEmbedder does; what is told of texts there holds for
/// pairs here, in BatchingOptions, BatchReport and BatchingStatistics, too.
///
///     bgem3::BatchingReranker batching(bgem3::Reranker::load(directory));
///     std::future<std::vector<float>> answer = batching.submit({{"a query", "a passage"}});   // from any thread
///
/// Requests share batches whatever their RerankOptions, but for `device`. Make it after a fork, not before: see
/// BatchingEmbedder.
class BGEM3_API BatchingReranker {
 public:
  /// As BatchingEmbedder::Callback.
  using Callback = std::function<void(RerankOutcome)>;

  /// Reads pairs, and refuses wrong options, also for no pairs: Reranker::tokenize, or what a test puts in its place.
  using TokenizePairs = std::function<std::vector<PairIds>(std::span<const TextPair> pairs, const RerankOptions&,
                                                           const std::stop_token& stop)>;

  /// Computes a batch, one score for each pair: Reranker::score_ids, or what a test puts in its place.
  using ScoreIds = std::function<std::vector<float>(std::vector<PairIds> pairs, const RerankOptions& options)>;

  /// @throws Error as BatchingEmbedder's constructor
  explicit BatchingReranker(Reranker reranker, BatchingOptions options = {});

  BatchingReranker(TokenizePairs tokenize, ScoreIds score, BatchingOptions options = {});

  BatchingReranker(BatchingReranker&&) noexcept;
  BatchingReranker& operator=(BatchingReranker&&) noexcept;
  /// Drains.
  ~BatchingReranker();

  /// Tokenises on the calling thread, then queues: the texts of the pairs have to live until this returns.
  /// @throws Error overloaded when the queue is full or after drain(), deadline_exceeded, cancelled, invalid_argument;
  ///         whatever comes later is in the future, see Reranker::score.
  [[nodiscard]] std::future<std::vector<float>> submit(std::span<const TextPair> pairs,
                                                       RerankRequestOptions options = {});
  [[nodiscard]] std::future<std::vector<float>> submit(std::initializer_list<TextPair> pairs,
                                                       RerankRequestOptions options = {});

  /// The same for event loops: exactly one call of `callback` for each submit() that did not throw.
  void submit(std::span<const TextPair> pairs, RerankRequestOptions options, Callback callback);

  /// For pairs that are token ids already, as Reranker::tokenize() gives them: max_length has no effect.
  void submit_ids(std::vector<PairIds> pairs, RerankRequestOptions options, Callback callback);

  /// Takes no more requests and waits until the last is answered, its callback included.
  void drain();

  [[nodiscard]] BatchingStatistics statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bgem3
