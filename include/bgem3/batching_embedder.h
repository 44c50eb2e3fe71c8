#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "bgem3/bgem3.h"

namespace bgem3 {

/// What one batch of a BatchingEmbedder or a BatchingReranker was, told when it is done.
struct BatchReport {
  std::size_t requests = 0;
  std::size_t texts = 0;
  std::size_t tokens = 0;
  std::chrono::nanoseconds compute{};
};

/// How a BatchingEmbedder or a BatchingReranker makes batches.
struct BatchingOptions {
  std::size_t batch_texts = 64;  ///< most texts of one batch
  /// Most tokens of one batch; a longer text runs alone. 0: default_batch_tokens() of the embedder's devices.
  std::size_t batch_tokens = 0;
  /// Longest wait for company, or a twentieth of the batch before where that is longer: a batch that is not full waits
  /// for those whom that batch answers to ask again, beside whoever waits already. A lone caller does not wait; 0:
  /// nobody. More than a year counts as a year.
  std::chrono::microseconds max_wait{2000};
  std::size_t queue_texts = 4096;  ///< texts that may wait; a request of more is taken when nothing waits
  unsigned workers = 0;            ///< batches in work at a time, at most 1024. 0: one for each device, two for a GPU
  std::function<void(const BatchReport&)> on_batch;  ///< optional; called by the worker; must not throw
};

/// One request to a BatchingEmbedder.
struct RequestOptions {
  /// What to compute. Batch sizes have no effect, those of BatchingOptions count; callbacks are refused.
  EncodeOptions encode;
  /// When the answer is of no use any more: the request then fails with deadline_exceeded, at once, and what of it has
  /// not been computed never is.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::stop_token stop;  ///< a stop makes the request fail with `cancelled` in the same way
};

/// Where the time of a request went.
struct RequestTimes {
  std::chrono::nanoseconds tokenize{};
  std::chrono::nanoseconds queue{};    ///< from there to the start of its first batch
  std::chrono::nanoseconds compute{};  ///< from there to the end of its last batch
};

/// How a request ended: with embeddings, or with an Error.
struct Outcome {
  Embeddings embeddings;
  RequestTimes times;
  std::exception_ptr error;  ///< null: it went well
};

struct BatchingStatistics {
  std::size_t waiting_requests = 0;
  std::size_t waiting_texts = 0;
  std::size_t waiting_tokens = 0;
  std::size_t running_batches = 0;
  /// For how long the batch in work has not come on by a layer; 0 when there is none. Many seconds mean a hang.
  std::chrono::nanoseconds stalled{};
};

/// Merges the requests of many threads into batches.
///
///     bgem3::BatchingEmbedder batching(bgem3::Embedder::load(directory));
///     std::future<bgem3::Embeddings> answer = batching.submit({"Hello World"});   // from any thread
///
/// Requests take turns text by text, so a short one does not wait for the end of a long one. Those that ask for the
/// same kinds of output share batches. When a batch of several requests fails, each is tried by itself, so that one
/// bad text fails its own request only.
///
/// Make it after a fork, not before: its threads stay with the parent. In a forked child, submit() and statistics()
/// throw invalid_argument, drain() and the destructor return at once, and what the parent submitted is not answered.
class BGEM3_API BatchingEmbedder {
 public:
  /// Gets each Outcome, on a thread of the embedder, the one that stops the request, or the one that submits it, which
  /// it should not keep for long. Should not throw, which nobody would learn of, nor drain or destroy the embedder.
  using Callback = std::function<void(Outcome)>;

  /// Computes a batch: Embedder::encode_ids, or what a test puts in its place.
  using EncodeIds = std::function<Embeddings(std::vector<TokenIds> texts, const EncodeOptions& options)>;

  /// @throws Error invalid_argument for sizes of 0, too many workers and a negative max_wait, out_of_memory where the
  ///         system gives no thread
  explicit BatchingEmbedder(Embedder embedder, BatchingOptions options = {});
  [[deprecated("an Embedder is cheap to copy: pass it by value")]] explicit BatchingEmbedder(
      const std::shared_ptr<const Embedder>& embedder, BatchingOptions options = {})
      : BatchingEmbedder(*embedder, std::move(options)) {}

  /// @param max_length  tokens of a text where a request does not say
  BatchingEmbedder(Tokenizer tokenizer, std::size_t max_length, EncodeIds encode, BatchingOptions options = {},
                   Prompts prompts = {});

  BatchingEmbedder(BatchingEmbedder&&) noexcept;
  BatchingEmbedder& operator=(BatchingEmbedder&&) noexcept;
  /// Drains.
  ~BatchingEmbedder();

  /// Tokenises on the calling thread, then queues.
  /// @throws Error overloaded when the queue is full or after drain(), deadline_exceeded, cancelled, invalid_argument;
  ///         whatever comes later is in the future, see Embedder::encode.
  [[nodiscard]] std::future<Embeddings> submit(std::span<const std::string> texts, RequestOptions options = {});
  [[nodiscard]] std::future<Embeddings> submit(std::initializer_list<std::string> texts, RequestOptions options = {});

  /// The same for event loops: exactly one call of `callback` for each submit() that did not throw.
  void submit(std::span<const std::string> texts, RequestOptions options, Callback callback);

  /// For texts that are token ids already, none longer than the limit.
  void submit_ids(std::vector<TokenIds> texts, RequestOptions options, Callback callback);

  /// Takes no more requests and waits until the last is answered, its callback included.
  void drain();

  [[nodiscard]] BatchingStatistics statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bgem3
