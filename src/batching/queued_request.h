#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/process_mark.h"
#include "bgem3/batching_embedder.h"

namespace bgem3 {

/// What a queue holds of a request, and what a batch is made of: ids of each text, or of each pair.
struct QueuedTexts {
  std::vector<TokenIds> ids;
  std::vector<std::size_t> second_begins;  ///< of pairs, as PairIds; empty for texts
};

/// Computes a batch.
using EncodeQueued = std::function<Embeddings(QueuedTexts texts, const EncodeOptions& options)>;

/// A request from submit() to its outcome. In a forked child, one of the parent's is left as it is: its outcome comes
/// there.
class QueuedRequest {
 public:
  QueuedRequest(QueuedTexts texts, RequestOptions options, BatchingEmbedder::Callback callback,
                std::chrono::nanoseconds tokenize);

  /// Ids of each text.
  [[nodiscard]] const std::vector<TokenIds>& ids() const noexcept { return texts_.ids; }
  /// Adds text `text` to those of a batch.
  void copy_to(QueuedTexts& batch, std::size_t text) const;
  [[nodiscard]] const EncodeOptions& encode_options() const noexcept { return options_.encode; }
  [[nodiscard]] Clock::time_point deadline() const noexcept { return options_.deadline; }
  /// Whether its outcome is known, so that nothing need be computed for it any more.
  [[nodiscard]] bool is_done() const noexcept { return done_; }
  /// Whether its callback has returned as well.
  [[nodiscard]] bool has_responded() const noexcept { return responded_; }

  /// Whether both want the same of their texts, so that these can share a batch.
  [[nodiscard]] bool wants_the_same_as(const QueuedRequest& other) const noexcept;

  /// Notes that a batch with texts of this request begins.
  void start(Clock::time_point now);

  /// Takes the result of one text, row `row` of a batch. The last one ends the request, and so does a result that
  /// there is no memory for.
  void store(std::size_t text, Embeddings& batch, std::size_t row);

  /// Ends the request without a result, unless it has ended. Any thread.
  void fail(const std::exception_ptr& error);

  /// What cancels the request when its stop token says so; set once it is queued.
  std::optional<std::stop_callback<std::function<void()>>> on_stop;

 private:
  std::optional<Outcome> keep(std::size_t text, Embeddings& batch, std::size_t row);
  void respond(Outcome outcome);

  const ProcessMark process_;
  const QueuedTexts texts_;
  const RequestOptions options_;
  const BatchingEmbedder::Callback callback_;
  const Clock::time_point queued_ = Clock::now();
  std::atomic<bool> done_ = false;
  std::atomic<bool> responded_ = false;

  std::mutex mutex_;  // of what follows: batches of two workers may hold texts of one request
  Outcome outcome_;
  std::optional<Clock::time_point> started_;
  std::size_t missing_;
};

}  // namespace bgem3
