#include "bgem3/batching_embedder.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "batching/batch_worker.h"
#include "batching/request_queue.h"
#include "bgem3/batching.h"
#include "border.h"

namespace bgem3 {
namespace {

// What suits `device`, a name as of LoadOptions. A GPU computes one batch while another is made ready; a processor
// would only divide its threads.
BatchingOptions with_defaults(BatchingOptions options, const std::string& device) {
  const bool on_gpu = device.starts_with("cuda");
  const auto devices = static_cast<unsigned>(1 + std::ranges::count(device, ','));
  if (options.batch_tokens == 0) options.batch_tokens = default_batch_tokens(on_gpu);
  if (options.workers == 0) options.workers = on_gpu ? 2 * devices : devices;
  return options;
}

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
  return options;
}

std::exception_ptr error_of(ErrorCode code, const char* message) {
  return std::make_exception_ptr(Error(code, message));
}

constexpr const char* late = "the deadline of the request passed before its answer was there";

}  // namespace

struct BatchingEmbedder::Impl {
  Impl(Tokenizer with_tokenizer, std::size_t with_max_length, EncodeIds with_encode, BatchingOptions with_options)
      : tokenizer(std::move(with_tokenizer)),
        max_length(with_max_length),
        encode(std::move(with_encode)),
        options(with_defaults(std::move(with_options), "cpu")),
        queue(std::make_shared<RequestQueue>(checked(options))) {
    try {
      start();
    } catch (...) {
      drain();
      throw;
    }
  }

  ~Impl() { drain(); }

  void start() {
    for (unsigned i = 0; i < options.workers; ++i) {
      auto& worker = workers.emplace_back(*queue, encode, options);
      threads.emplace_back([&worker] { worker.run(); });
    }
    threads.emplace_back([this] { answer_late_requests(); });
  }

  void drain() {
    queue->close();
    const std::lock_guard lock(draining);
    for (auto& thread : threads) thread.join();
    threads.clear();
  }

  // The empty embeddings of no texts.
  [[nodiscard]] Embeddings validate(const RequestOptions& request) const {
    if (request.deadline <= Clock::now()) throw Error(ErrorCode::deadline_exceeded, late);
    if (request.encode.on_progress || request.encode.on_hidden_states) {
      throw Error(ErrorCode::invalid_argument, "requests that share batches take no callbacks in EncodeOptions");
    }
    return leave_as_error([&] { return encode({}, request.encode); });
  }

  void push(std::vector<TokenIds> ids, RequestOptions request_options, Callback callback,
            std::chrono::nanoseconds tokenize) {
    const std::stop_token stop = request_options.stop;
    const auto request =
        std::make_shared<Request>(std::move(ids), std::move(request_options), std::move(callback), tokenize);
    queue->push(request);
    if (!stop.stop_possible()) return;
    // The stop may come, from any thread, while this embedder is on its way out: the queue must still be there.
    request->on_stop.emplace(stop, [queue = queue, weak = std::weak_ptr(request)] {
      if (const auto stopped = weak.lock()) {
        end(*queue, *stopped, error_of(ErrorCode::cancelled, "the request was cancelled"));
      }
    });
  }

  static void end(RequestQueue& queue, Request& request, std::exception_ptr error) {
    queue.remove(request);
    request.fail(std::move(error));
    queue.forget_answered();
  }

  void answer_late_requests() {
    while (true) {
      try {
        const auto requests = queue->wait_for_late();
        if (!requests) return;
        for (const auto& request : *requests) end(*queue, *request, error_of(ErrorCode::deadline_exceeded, late));
      } catch (const std::bad_alloc&) {  // they are still late in the next turn
      }
    }
  }

  const Tokenizer tokenizer;
  const std::size_t max_length;
  const EncodeIds encode;
  const BatchingOptions options;
  const std::shared_ptr<RequestQueue> queue;
  std::deque<BatchWorker> workers;  // they do not move
  std::mutex draining;
  std::vector<std::thread> threads;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): it cannot be moved on, arguments are computed in any order
BatchingEmbedder::BatchingEmbedder(Embedder embedder, BatchingOptions options)
    : BatchingEmbedder(
          embedder.tokenizer(), static_cast<std::size_t>(embedder.info().config.max_length),
          [embedder](std::vector<TokenIds> texts, const EncodeOptions& wanted) {
            return embedder.encode_ids(std::move(texts), wanted);
          },
          with_defaults(std::move(options), embedder.info().device)) {}

BatchingEmbedder::BatchingEmbedder(Tokenizer tokenizer, std::size_t max_length, EncodeIds encode,
                                   BatchingOptions options)
    : impl_(leave_as_error([&] {
        return std::make_unique<Impl>(std::move(tokenizer), max_length, std::move(encode), std::move(options));
      })) {}

BatchingEmbedder::BatchingEmbedder(BatchingEmbedder&&) noexcept = default;
BatchingEmbedder& BatchingEmbedder::operator=(BatchingEmbedder&&) noexcept = default;
BatchingEmbedder::~BatchingEmbedder() = default;

void BatchingEmbedder::submit(std::span<const std::string> texts, RequestOptions options, Callback callback) {
  const auto started = Clock::now();
  Embeddings nothing = impl_->validate(options);  // before tokenising, which costs
  if (texts.empty()) return callback({std::move(nothing), {}, nullptr});
  leave_as_error([&] {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const std::size_t limit = options.encode.max_length == 0 ? impl_->max_length : options.encode.max_length;
    auto ids = impl_->tokenizer.encode_batch(views, limit, options.encode.tokenizer_threads);
    impl_->push(std::move(ids), std::move(options), std::move(callback), Clock::now() - started);
  });
}

void BatchingEmbedder::submit_ids(std::vector<TokenIds> texts, RequestOptions options, Callback callback) {
  Embeddings nothing = impl_->validate(options);
  if (texts.empty()) return callback({std::move(nothing), {}, nullptr});
  leave_as_error([&] { impl_->push(std::move(texts), std::move(options), std::move(callback), {}); });
}

std::future<Embeddings> BatchingEmbedder::submit(std::span<const std::string> texts, RequestOptions options) {
  const auto promise = leave_as_error([] { return std::make_shared<std::promise<Embeddings>>(); });
  std::future<Embeddings> answer = promise->get_future();
  submit(texts, std::move(options), [promise](Outcome outcome) {
    if (outcome.error) {
      promise->set_exception(outcome.error);
    } else {
      promise->set_value(std::move(outcome.embeddings));
    }
  });
  return answer;
}

std::future<Embeddings> BatchingEmbedder::submit(std::initializer_list<std::string> texts, RequestOptions options) {
  return submit(std::span(texts.begin(), texts.size()), std::move(options));
}

void BatchingEmbedder::drain() { impl_->drain(); }

BatchingStatistics BatchingEmbedder::statistics() const {
  BatchingStatistics statistics;
  impl_->queue->count(statistics);
  for (const auto& worker : impl_->workers) worker.count(statistics);
  return statistics;
}

}  // namespace bgem3
