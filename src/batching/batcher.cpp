#include "batching/batcher.h"

#include <algorithm>
#include <exception>
#include <new>

#include <fmt/format.h>

#include "base/device_names.h"
#include "bgem3/batch_plan.h"

namespace bgem3 {
namespace {

const BatchingOptions& checked(const BatchingOptions& options) {
  constexpr unsigned workers_max = 1024;
  if (options.batch_texts == 0 || options.queue_texts == 0) {
    throw Error(ErrorCode::invalid_argument, fmt::format("batch_texts and queue_texts should be positive, found {}, {}",
                                                         options.batch_texts, options.queue_texts));
  }
  if (options.workers > workers_max) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("workers should be at most {}, found {}", workers_max, options.workers));
  }
  if (options.max_wait.count() < 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_wait should not be negative, found {} microseconds", options.max_wait.count()));
  }
  return options;
}

std::exception_ptr error_of(ErrorCode code, const char* message) {
  return std::make_exception_ptr(Error(code, message));
}

void end(RequestQueue& queue, QueuedRequest& request, const std::exception_ptr& error) {
  queue.remove(request);
  request.fail(error);
  queue.forget_responded();
}

constexpr const char* late = "the deadline of the request passed before its answer was there";

}  // namespace

// A GPU computes one batch while another is made ready; a processor would only divide its threads.
BatchingOptions with_defaults(BatchingOptions options, const std::string& device) {
  const auto names = split_device_names(device);
  const bool on_gpu = names_cuda(names.front());
  const auto devices = static_cast<unsigned>(names.size());
  constexpr std::chrono::microseconds year = std::chrono::hours(366 * 24);
  options.max_wait = std::min(options.max_wait, year);  // clocks end three centuries from now
  if (options.batch_tokens == 0) options.batch_tokens = default_batch_tokens(on_gpu);
  if (options.workers == 0) options.workers = on_gpu ? 2 * devices : devices;
  return options;
}

void check_deadline(Clock::time_point deadline) {
  if (deadline <= Clock::now()) throw Error(ErrorCode::deadline_exceeded, late);
}

Batcher::Batcher(EncodeQueued encode, BatchingOptions options)
    : encode_(std::move(encode)),
      options_(with_defaults(std::move(options), "cpu")),
      queue_(std::make_shared<RequestQueue>(checked(options_))) {
  try {
    start();
  } catch (...) {
    drain();
    throw;
  }
}

Batcher::~Batcher() { drain(); }

void Batcher::start() {
  for (unsigned i = 0; i < options_.workers; ++i) {
    auto& worker = workers_.emplace_back(*queue_, encode_, options_);
    threads_.emplace_back([&worker] { worker.run(); });
  }
  threads_.emplace_back([this] { fail_late_requests(); });
}

void Batcher::push(QueuedTexts texts, RequestOptions options, BatchingEmbedder::Callback callback,
                   std::chrono::nanoseconds tokenize) {
  const std::stop_token stop = options.stop;
  const auto request =
      std::make_shared<QueuedRequest>(std::move(texts), std::move(options), std::move(callback), tokenize);
  if (!stop.stop_possible()) return queue_->push(request);
  // All that may fail is done before the request is queued, after which its callback is called in any case. The stop
  // may come, from any thread, while this batcher is on its way out: the queue must still be there.
  std::function<void()> on_stop = [queue = queue_, weak = std::weak_ptr(request),
                                   error = error_of(ErrorCode::cancelled, "the request was cancelled")] {
    if (const auto stopped = weak.lock()) end(*queue, *stopped, error);
  };
  queue_->push(request);
  request->on_stop.emplace(stop, std::move(on_stop));
}

void Batcher::fail_late_requests() {
  while (true) {
    try {
      const auto requests = queue_->wait_for_late();
      if (!requests) return;
      for (const auto& request : *requests) end(*queue_, *request, error_of(ErrorCode::deadline_exceeded, late));
    } catch (const std::bad_alloc&) {  // they are still late in the next turn
    }
  }
}

void Batcher::drain() {
  if (!process_.is_here()) return;
  queue_->close();
  const std::lock_guard lock(draining_);
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

BatchingStatistics Batcher::statistics() const {
  BatchingStatistics statistics;
  queue_->count(statistics);
  for (const auto& worker : workers_) worker.count(statistics);
  return statistics;
}

}  // namespace bgem3
