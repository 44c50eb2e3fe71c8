#include "batching.h"

#include <algorithm>
#include <chrono>
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

#include "bgem3/batching_embedder.h"
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

py::object to_python(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return py::module_::import("bgem3.errors").attr("make_error")(std::string(to_string(known.code())), known.what());
  } catch (const std::exception& unknown) {
    return py::module_::import("builtins").attr("RuntimeError")(unknown.what());
  }
}

// What a submitted request is cancelled with.
struct Ticket {
  std::stop_source stop;
};

class Batching {
 public:
  Batching(const Shared<Embedder>& embedder, std::size_t batch_texts, std::size_t batch_tokens, double max_wait,
           std::size_t queue_texts)
      : model_(embedder.model),
        batching_(std::make_shared<BatchingEmbedder>(
            *embedder.model, options_of(batch_texts, batch_tokens, max_wait, queue_texts))) {}
  Batching(const Batching&) = delete;
  Batching& operator=(const Batching&) = delete;
  ~Batching() {
    // Without the GIL, which the answers that are on their way need.
    const py::gil_scoped_release no_gil;
    batching_.reset();
    answers_.reset();
  }

  // Calls on_done(embeddings, error), one of which is None, on a thread of its own, for each call that returns.
  Ticket submit(const py::sequence& sequence, const py::function& on_done, bool dense, bool sparse, bool colbert,
                std::size_t max_length, std::size_t truncate_dim, std::optional<bool> normalize,
                std::optional<double> timeout) {
    std::vector<std::string> texts = to_texts(sequence);
    Ticket ticket;
    RequestOptions options;
    options.encode.dense = dense;
    options.encode.sparse = sparse;
    options.encode.colbert = colbert;
    options.encode.max_length = max_length;
    options.encode.truncate_dim = truncate_dim;
    options.encode.normalize = normalize;
    options.encode.tokenizer_threads = 1;  // the callers are many
    options.stop = ticket.stop.get_token();
    if (timeout) options.deadline = std::chrono::steady_clock::now() + microseconds(*timeout);
    // The thread that computes must not wait for the GIL.
    auto callback = [answers = answers_, function = share(on_done), encode = options.encode](Outcome outcome) {
      const auto shared = std::make_shared<Outcome>(std::move(outcome));
      answers->post([function, encode, shared] { answer(*function, encode, *shared); });
    };
    push(std::move(texts), std::move(options), std::move(callback), ticket);
    return ticket;
  }

  void close() {
    const py::gil_scoped_release no_gil;
    batching_->drain();
    if (answers_->is_this_thread()) return;  // called by an answer; the others follow
    std::promise<void> answered;
    answers_->post([&answered] { answered.set_value(); });
    answered.get_future().wait();
  }

 private:
  // Tokenises, of long texts in a way that Ctrl-C ends.
  void push(std::vector<std::string> texts, RequestOptions options, BatchingEmbedder::Callback callback,
            Ticket& ticket) const {
    constexpr std::size_t long_bytes = 256 * 1024;  // some tens of milliseconds
    const std::size_t bytes = std::transform_reduce(texts.begin(), texts.end(), std::size_t{0}, std::plus(),
                                                    [](const std::string& text) { return text.size(); });
    auto work = [batching = batching_, texts = std::move(texts), options = std::move(options),
                 callback = std::move(callback)](const ProgressCallback&) {
      batching->submit(texts, options, callback);
    };
    if (bytes < long_bytes) {
      const py::gil_scoped_release no_gil;
      return work({});
    }
    try {
      run_interruptible(std::move(work), 0, py::none());
    } catch (const py::error_already_set&) {
      ticket.stop.request_stop();  // nobody waits for what will be submitted
      throw;
    }
  }

  static BatchingOptions options_of(std::size_t batch_texts, std::size_t batch_tokens,
                                    double max_wait, std::size_t queue_texts) {
    BatchingOptions options;
    options.batch_texts = batch_texts;
    options.batch_tokens = batch_tokens;
    options.max_wait = microseconds(max_wait);
    options.queue_texts = queue_texts;
    return options;
  }

  // A year and more, infinity too, counts as a year.
  static std::chrono::microseconds microseconds(double seconds) {
    constexpr double year = 366 * 24 * 3600.0;
    return std::chrono::microseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, year) * 1e6));
  }

  static void answer(const py::function& on_done, const EncodeOptions& encode, Outcome& outcome) {
    const py::gil_scoped_acquire gil;
    try {
      if (outcome.error) {
        on_done(py::none(), to_python(outcome.error));
      } else {
        on_done(to_numpy(std::move(outcome.embeddings), encode), py::none());
      }
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("bgem3.BatchingEmbedder");
    }
  }

  std::shared_ptr<Worker> answers_ = std::make_shared<Worker>();
  std::shared_ptr<const Embedder> model_;  // let go of last: it gives its memory back to the system
  std::shared_ptr<BatchingEmbedder> batching_;
};

}  // namespace

void bind_batching(py::module_& module) {
  const BatchingOptions defaults;
  py::class_<Ticket>(module, "Ticket", "A request to a BatchingEmbedder.").def("cancel", [](Ticket& self) {
    const py::gil_scoped_release no_gil;
    self.stop.request_stop();
  });
  py::class_<Batching>(module, "BatchingEmbedder", "Merges the requests of many threads into batches.")
      .def(py::init<const Shared<Embedder>&, std::size_t, std::size_t, double, std::size_t>(), py::arg("embedder"),
           py::kw_only(), py::arg("batch_texts") = defaults.batch_texts,
           py::arg("batch_tokens") = defaults.batch_tokens, py::arg("max_wait") = 0.002,
           py::arg("queue_texts") = defaults.queue_texts)
      .def("submit", &Batching::submit, py::arg("texts"), py::arg("on_done"), py::kw_only(), py::arg("dense") = true,
           py::arg("sparse") = false, py::arg("colbert") = false, py::arg("max_length") = 0,
           py::arg("truncate_dim") = 0, py::arg("normalize") = py::none(), py::arg("timeout") = py::none(),
           "Calls on_done(embeddings, error) later, one of them None, on another thread.")
      .def("close", &Batching::close, "Answers what was submitted and takes no more.");
}

}  // namespace bgem3::python
