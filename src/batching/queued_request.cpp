#include "batching/queued_request.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/border.h"

namespace bgem3 {
namespace {

// The same as an Error: here a failure leaves the library, in an outcome.
std::exception_ptr as_error(const std::exception_ptr& failure) {
  try {
    if (failure) leave_as_error([&] { std::rethrow_exception(failure); });
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

QueuedRequest::QueuedRequest(QueuedTexts texts, RequestOptions options, BatchingEmbedder::Callback callback,
                             std::chrono::nanoseconds tokenize)
    : texts_(std::move(texts)),
      options_(std::move(options)),
      callback_(std::move(callback)),
      missing_(texts_.ids.size()) {
  outcome_.times.tokenize = tokenize;
  auto& room = outcome_.embeddings;
  if (options_.encode.sparse) room.sparse.resize(missing_);
  if (options_.encode.colbert) room.colbert.resize(missing_);
  room.token_counts.resize(missing_);
}

void QueuedRequest::copy_to(QueuedTexts& batch, std::size_t text) const {
  batch.ids.push_back(texts_.ids[text]);
  if (!texts_.second_begins.empty()) batch.second_begins.push_back(texts_.second_begins[text]);
}

bool QueuedRequest::wants_the_same_as(const QueuedRequest& other) const noexcept {
  const auto wanted = [](const EncodeOptions& options) {
    return std::tie(options.dense, options.sparse, options.colbert, options.truncate_dim, options.normalize,
                    options.device);
  };
  return wanted(options_.encode) == wanted(other.options_.encode);
}

void QueuedRequest::start(Clock::time_point now) {
  if (!process_.is_here()) return;
  const std::lock_guard lock(mutex_);
  if (!started_) started_ = now;
}

void QueuedRequest::store(std::size_t text, Embeddings& batch, std::size_t row) {
  if (!process_.is_here()) return;
  try {
    if (auto outcome = keep(text, batch, row)) respond(std::move(*outcome));
  } catch (...) {
    fail(std::current_exception());
  }
}

// The outcome, when this was the last text.
std::optional<Outcome> QueuedRequest::keep(std::size_t text, Embeddings& batch, std::size_t row) {
  const std::lock_guard lock(mutex_);
  if (done_) return std::nullopt;
  auto& [dense, sparse, colbert, token_counts] = outcome_.embeddings;
  if (options_.encode.dense) {
    if (dense.empty()) dense = Matrix(ids().size(), batch.dense.cols());
    std::ranges::copy(batch.dense.row(row), dense.row(text).begin());
  }
  if (options_.encode.sparse) sparse[text] = std::move(batch.sparse[row]);
  if (options_.encode.colbert) colbert[text] = std::move(batch.colbert[row]);
  token_counts[text] = batch.token_counts[row];
  if (--missing_ > 0) return std::nullopt;
  outcome_.times.queue = *started_ - queued_;
  outcome_.times.compute = Clock::now() - *started_;
  return std::move(outcome_);
}

void QueuedRequest::fail(const std::exception_ptr& error) {
  if (!process_.is_here()) return;
  Outcome outcome;
  outcome.error = as_error(error);
  respond(std::move(outcome));
}

void QueuedRequest::respond(Outcome outcome) {
  if (done_.exchange(true)) return;
  try {
    callback_(std::move(outcome));
  } catch (...) {  // a mistake of the host's, which must not end its process here
  }
  responded_ = true;
}

}  // namespace bgem3
