#include "batching.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "base/process_mark.h"
#include "bgem3/batching_embedder.h"
#include "bgem3/batching_reranker.h"
#include "bound_class.h"
#include "errors.h"
#include "interruptible.h"
#include "numpy.h"
#include "shared.h"
#include "texts.h"
#include "worker.h"

namespace bgem3::python {
namespace py = pybind11;
namespace {

// A Python function that may be let go of without the GIL.
using SharedFunction = std::shared_ptr<py::function>;

SharedFunction share(py::function function) {
  return {new py::function(std::move(function)), [](py::function* owned) {
            const py::gil_scoped_acquire gil;
            delete owned;
          }};
}

// What a submitted request is cancelled with.
class Ticket {
 public:
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  // In a forked child, there is nothing to stop of a request of the parent's.
  void cancel() {
    if (process_.is_here()) stop_.request_stop();
  }

 private:
  ProcessMark process_;
  std::stop_source stop_;
};

// A year and more, infinity too, counts as a year.
std::chrono::microseconds microseconds(const char* name, double seconds) {
  constexpr double year = 366 * 24 * 3600.0;
  if (std::isnan(seconds)) {
    throw Error(ErrorCode::invalid_argument, std::string(name) + " should be a number of seconds, found nan");
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(std::floor(std::clamp(seconds, -year, year) * 1e6)));
}

std::chrono::steady_clock::time_point deadline_after(std::optional<double> timeout) {
  if (!timeout) return std::chrono::steady_clock::time_point::max();
  return std::chrono::steady_clock::now() + microseconds("timeout", *timeout);
}

// Model and Queue: Embedder and BatchingEmbedder, or Reranker and BatchingReranker.
template <typename Model, typename Queue>
class Batching {
 public:
  Batching(const Shared<Model>& shared, std::size_t batch_texts, std::size_t batch_tokens, double max_wait,
           std::size_t queue_texts)
      : model_(shared.model),
        queue_(std::make_shared<Queue>(*model_, options_of(batch_texts, batch_tokens, max_wait, queue_texts))) {}
  Batching(const Batching&) = delete;
  Batching& operator=(const Batching&) = delete;
  ~Batching() {
    // Without the GIL, which the answers that are on their way need.
    const py::gil_scoped_release no_gil;
    queue_.reset();
    answers_.reset();
  }

  // Calls submit(queue, callback), which tokenises: of many bytes in a way that Ctrl-C ends. Each outcome becomes a
  // call of on_done(result, error), one of which is None, on a thread of its own; `to_result` makes the first of them.
  template <typename Outcome, typename ToResult, typename Submit>
  void push(std::size_t bytes, Ticket& ticket, const py::function& on_done, ToResult to_result, Submit submit) const {
    constexpr std::size_t long_bytes = 256 * 1024;  // some tens of milliseconds
    // The thread that computes must not wait for the GIL.
    auto callback = [answers = answers_, function = share(on_done), to_result](Outcome outcome) {
      const auto shared = std::make_shared<Outcome>(std::move(outcome));
      answers->post([function, to_result, shared] { answer(*function, to_result, *shared); });
    };
    auto work = [queue = queue_, submit = std::move(submit), callback = std::move(callback)](const ProgressCallback&) {
      submit(*queue, callback);
    };
    if (bytes < long_bytes) {
      const py::gil_scoped_release no_gil;
      return work({});
    }
    try {
      run_interruptible(std::move(work), 0, py::none());
    } catch (const py::error_already_set&) {
      ticket.cancel();  // nobody waits for what will be submitted
      throw;
    }
  }

  [[nodiscard]] bool is_answering() const { return answers_->is_this_thread(); }

  void close() {
    if (!process_.is_here()) return;
    const py::gil_scoped_release no_gil;
    queue_->drain();
    if (answers_->is_this_thread()) return;  // called by an answer; the others follow
    std::promise<void> answered;
    answers_->post([&answered] { answered.set_value(); });
    answered.get_future().wait();
  }

 private:
  static BatchingOptions options_of(std::size_t batch_texts, std::size_t batch_tokens, double max_wait,
                                    std::size_t queue_texts) {
    BatchingOptions options;
    options.batch_texts = batch_texts;
    options.batch_tokens = batch_tokens;
    options.max_wait = microseconds("max_wait", max_wait);
    options.queue_texts = queue_texts;
    return options;
  }

  template <typename Outcome, typename ToResult>
  static void answer(const py::function& on_done, const ToResult& to_result, Outcome& outcome) {
    const py::gil_scoped_acquire gil;
    try {
      const auto [result, error] = to_arguments(to_result, outcome);
      on_done(result, error);
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("bgem3");
    }
  }

  // What cannot be told to Python, for want of memory, say, becomes the error: on_done() is called in any case.
  template <typename Outcome, typename ToResult>
  static std::pair<py::object, py::object> to_arguments(const ToResult& to_result, Outcome& outcome) {
    try {
      if (!outcome.error) return {to_result(outcome), py::none()};
    } catch (const std::exception&) {
      outcome.error = std::current_exception();
    }
    return {py::none(), to_python(outcome.error)};
  }

  const ProcessMark process_;
  std::shared_ptr<Worker> answers_{new Worker, DestroyHere{}};
  std::shared_ptr<const Model> model_;  // let go of last: it gives its memory back to the system
  std::shared_ptr<Queue> queue_;
};

using BatchingTexts = Batching<Embedder, BatchingEmbedder>;
using BatchingPairs = Batching<Reranker, BatchingReranker>;

}  // namespace

template <>
inline constexpr bool is_bound<Ticket> = true;
template <typename Model, typename Queue>
inline constexpr bool is_bound<Batching<Model, Queue>> = true;

namespace {

std::size_t bytes_of(const std::vector<std::string>& texts) {
  return std::transform_reduce(texts.begin(), texts.end(), std::size_t{0}, std::plus(),
                               [](const std::string& text) { return text.size(); });
}

// Calls on_done(embeddings, error) for each call that returns.
Ticket submit_texts(const BatchingTexts& self, const py::sequence& sequence, const py::function& on_done, bool dense,
                    bool sparse, bool colbert, std::size_t max_length, std::size_t truncate_dim,
                    std::optional<bool> normalize, std::optional<double> timeout,
                    const std::optional<std::string>& prompt, const std::optional<std::string>& prompt_name) {
  std::vector<std::string> texts = to_texts(sequence);
  Ticket ticket;
  RequestOptions options;
  options.encode.dense = dense;
  options.encode.sparse = sparse;
  options.encode.colbert = colbert;
  options.encode.max_length = max_length;
  options.encode.truncate_dim = truncate_dim;
  options.encode.normalize = normalize;
  options.encode.prompt = prompt;
  options.encode.prompt_name = prompt_name;
  options.encode.tokenizer_threads = 1;  // the callers are many
  options.deadline = deadline_after(timeout);
  options.stop = ticket.token();
  const auto to_result = [encode = options.encode](Outcome& outcome) {
    return to_numpy(std::move(outcome.embeddings), encode);
  };
  const std::size_t bytes = bytes_of(texts);
  self.push<Outcome>(bytes, ticket, on_done, to_result,
                     [texts = std::move(texts), options = std::move(options)](
                         BatchingEmbedder& queue, const BatchingEmbedder::Callback& callback) {
                       queue.submit(texts, options, callback);
                     });
  return ticket;
}

// Calls on_done(scores, error) for each call that returns.
Ticket submit_pairs(const BatchingPairs& self, const py::sequence& queries, const py::sequence& passages,
                    const py::function& on_done, std::size_t max_length, std::size_t query_max_length,
                    std::optional<double> timeout) {
  std::vector<std::string> first = to_texts(queries);
  std::vector<std::string> second = to_texts(passages);
  check_pairs(first, second);
  Ticket ticket;
  RerankRequestOptions options;
  options.rerank.max_length = max_length;
  options.rerank.query_max_length = query_max_length;
  options.rerank.tokenizer_threads = 1;  // the callers are many
  options.deadline = deadline_after(timeout);
  options.stop = ticket.token();
  const auto to_result = [](RerankOutcome& outcome) { return take_over(std::move(outcome.scores)); };
  const std::size_t bytes = bytes_of(first) + bytes_of(second);
  self.push<RerankOutcome>(bytes, ticket, on_done, to_result,
                           [first = std::move(first), second = std::move(second), options = std::move(options)](
                               BatchingReranker& queue, const BatchingReranker::Callback& callback) {
                             queue.submit(pairs_of(first, second), options, callback);
                           });
  return ticket;
}

template <typename Queue, typename Model>
py::class_<Batching<Model, Queue>> bind_queue(py::module_& module, const char* name, const char* model) {
  using Bound = Batching<Model, Queue>;
  const BatchingOptions defaults;
  return bind_class<Bound>(module, name, "Merges the requests of many threads into batches.")
      .def(py::init<const Shared<Model>&, std::size_t, std::size_t, double, std::size_t>(), py::arg(model),
           py::kw_only(), py::arg("batch_texts") = defaults.batch_texts,
           py::arg("batch_tokens") = defaults.batch_tokens, py::arg("max_wait") = 0.002,
           py::arg("queue_texts") = defaults.queue_texts)
      .def("is_answering", &Bound::is_answering, "Whether this thread is the one that calls on_done.")
      .def("close", &Bound::close, "Answers what was submitted and takes no more.");
}

}  // namespace

void bind_batching(py::module_& module) {
  bind_class<Ticket>(module, "Ticket", "A request to a BatchingEmbedder or BatchingReranker.")
      .def("cancel", &Ticket::cancel, py::call_guard<py::gil_scoped_release>());
  bind_queue<BatchingEmbedder, Embedder>(module, "BatchingEmbedder", "embedder")
      .def("submit", &submit_texts, py::arg("texts"), py::arg("on_done"), py::kw_only(), py::arg("dense") = true,
           py::arg("sparse") = false, py::arg("colbert") = false, py::arg("max_length") = 0,
           py::arg("truncate_dim") = 0, py::arg("normalize") = py::none(), py::arg("timeout") = py::none(),
           py::arg("prompt") = py::none(), py::arg("prompt_name") = py::none(),
           "Calls on_done(embeddings, error) later, one of them None, on another thread.");
  bind_queue<BatchingReranker, Reranker>(module, "BatchingReranker", "reranker")
      .def("submit", &submit_pairs, py::arg("queries"), py::arg("passages"), py::arg("on_done"), py::kw_only(),
           py::arg("max_length") = 0, py::arg("query_max_length") = 0, py::arg("timeout") = py::none(),
           "Calls on_done(scores, error) later, one of them None, on another thread; scores are logits, float32 [B].");
}

}  // namespace bgem3::python
