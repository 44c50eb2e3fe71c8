#include "pipeline/batch_runner.h"

#include <algorithm>
#include <bit>
#include <new>
#include <span>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "model/errors.h"
#include "model/graph_shape.h"
#include "pipeline/forward.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// What is kept of a batch that was padded, on the host.
BatchResults to_host(const BatchResults& results, std::int64_t texts, std::int64_t tokens, Transfer& transfer) {
  const auto first_rows = [&](const at::Tensor& part, std::int64_t rows) {
    return part.defined() ? transfer.to_host(part.narrow(0, 0, rows)) : at::Tensor();
  };
  return {.dense = first_rows(results.dense, texts),
          .relevance = first_rows(results.relevance, texts),
          .token_weights = first_rows(results.token_weights, tokens),
          .colbert = first_rows(results.colbert, tokens),
          .non_finite = first_rows(results.non_finite, 1)};
}

}  // namespace

BatchRunner::BatchRunner(const Model& model, CallWork& work, const Outputs& outputs, const StoreResults& store,
                         const Callbacks* callbacks)
    : model_(model), work_(work), outputs_(outputs), store_(store), callbacks_(callbacks) {}

void BatchRunner::run() {
  const c10::InferenceMode no_autograd;
  expect_unchanged_files();
  const StreamPool::Lease stream(model_.state->streams);
  graphs_ = &stream.graphs();
  while (const auto batch = work_.take()) take_turn_and_run(*batch);
  finish_last();
}

// On the CPU, where the calls of many threads would take processors and caches from each other. There, nothing of a
// batch is left to be done after it.
void BatchRunner::take_turn_and_run(const Batch& batch) {
  if (model_.execution.device.is_cpu()) start_computation();
  try {
    run_or_halve(batch, Attempt::first);
  } catch (...) {
    computation_.reset();  // other devices of this call may wait for it
    throw;
  }
  computation_.reset();
}

void BatchRunner::start_computation() {
  const unsigned threads = ThreadCount::usable(model_.execution.threads);
  computation_.emplace(model_.state->slots, threads);
  if (threads == model_.execution.threads || model_.state->told_of_lost_threads.exchange(true)) return;
  call_back([&] {
    model_.state->log.warn(
        "this thread has forked the process it is in, and its team of OpenMP threads stayed with the parent: it "
        "computes alone, where another thread would compute with {}",
        model_.execution.threads);
  });
}

void BatchRunner::run_or_halve(const Batch& batch, Attempt attempt) {
  if (auto started = start_if_it_fits(batch, attempt)) {
    finish_last();
    last_.emplace(std::move(*started));
    if (model_.execution.device.is_cpu()) finish_last();
    return;
  }
  answer_out_of_memory(batch);
  const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
  run_or_halve({batch.begin(), middle}, attempt);
  run_or_halve({middle, batch.end()}, attempt);
}

std::optional<BatchRunner::Started> BatchRunner::start_if_it_fits(const Batch& batch, Attempt attempt) {
  try {
    return start(batch, attempt);
  } catch (const std::bad_alloc& error) {
    if (callback_failed_) throw;
    out_of_memory_ = error.what();
    return std::nullopt;
  } catch (const c10::Error& error) {
    if (callback_failed_ || !is_out_of_memory(error)) throw;
    out_of_memory_ = error.what_without_backtrace();
    return std::nullopt;
  }
}

// Makes room, and remembers for later calls that there is no more. A single text cannot be halved.
void BatchRunner::answer_out_of_memory(const Batch& batch) {
  finish_last();
  if (batch.size() == 1) {
    throw Error(ErrorCode::out_of_memory,
                fmt::format("not enough memory on {} for one {} of {} tokens; lower max_length or free memory: {}",
                            model_.info.device, kind(), work_.token_count(batch.front()), out_of_memory_));
  }
  std::size_t tokens = 0;
  for (const auto text : batch) tokens += work_.token_count(text);
  auto& fit = model_.state->tokens_fit;
  for (std::size_t known = fit; tokens / 2 < known;) {
    if (!fit.compare_exchange_weak(known, tokens / 2)) continue;
    call_back([&] {
      model_.state->log.warn("not enough memory on {} for a batch of {} tokens: from now on they have {} at most",
                             model_.info.device, tokens, tokens / 2);
    });
    return;
  }
}

BatchRunner::Started BatchRunner::start(const Batch& batch, Attempt attempt) {
  Views texts;
  for (const auto text : batch) texts.emplace_back(work_.texts().ids[text]);
  Started started{batch, attempt, offsets_of(texts), Transfer(model_.execution.device), {}};
  const std::int64_t tokens = started.offsets.back();
  std::optional<BatchResults> results;
  if (attempt == Attempt::first) results = replay(texts, tokens);
  if (!results) {
    started.attempt = std::max(attempt, Attempt::without_graph);
    results = compute(batch, texts, attempt);
  }
  started.results = to_host(*results, static_cast<std::int64_t>(batch.size()), tokens, started.transfer);
  started.transfer.end();
  return started;
}

// Results of a padded batch from a graph. Nothing where the batch has to be computed.
std::optional<BatchResults> BatchRunner::replay(const Views& texts, std::int64_t tokens) {
  if (!graphs_->are_used() || wants_hidden_states()) return std::nullopt;
  const auto shape = find_graph_shape(tokens, static_cast<std::int64_t>(texts.size()));
  if (!shape) return std::nullopt;
  Views padded = texts;
  pad_to(*shape, padded);
  const at::Device device = model_.execution.device;
  // Owns all that it uses beside the model, because it may outlive this call.
  const auto work = [&model = model_, outputs = outputs_](const PackedBatch& batch) {
    return forward(model, batch, outputs, {.hidden_dtype = model.hidden_dtype});
  };
  return graphs_->run({*shape, outputs_}, detail::stage(padded, model_.info.config, device), device, work);
}

BatchResults BatchRunner::compute(const Batch& batch, const Views& texts, Attempt attempt) {
  const PackedBatch packed = pack(texts, model_.info.config, model_.execution.device);
  if (attempt == Attempt::float32) return forward(model_, packed, outputs_, {.hidden_dtype = at::kFloat});
  const auto report = [&](int64_t layer, const at::Tensor& hidden) { report_layer(batch, packed, layer, hidden); };
  return forward(model_, packed, outputs_, {.hidden_dtype = model_.hidden_dtype, .hook = report});
}

// More than one turn where the batch has to be computed again.
void BatchRunner::finish_last() {
  while (last_) {
    Started last = std::move(*last_);
    last_.reset();
    last.transfer.wait();
    expect_unchanged_files();
    if (const auto not_a_number = store_(last.batch, last.offsets, last.results)) {
      compute_again(last.batch, last.attempt, last.batch[*not_a_number]);
    } else {
      work_.finish(last.batch);
      report_progress();
    }
  }
}

// After what was computed, and before anybody sees it: weights are read from mapped files as they are at that moment.
void BatchRunner::expect_unchanged_files() {
  const auto change = model_.files->find_change();
  if (!change) return;
  if (model_.files->is_news()) call_back([&] { model_.state->log.error("{}", *change); });
  throw Error(ErrorCode::model_changed, *change);
}

// float16 ends at 65504, bfloat16 and float32 where numbers mean nothing any more; float8, which scales its numbers,
// has the range of bfloat16.
void BatchRunner::compute_again(const Batch& batch, Attempt attempt, std::size_t text) {
  if (attempt == Attempt::first) return run_or_halve(batch, Attempt::without_graph);  // it may be the padding
  if (attempt == Attempt::float32 || model_.hidden_dtype != at::kHalf) {
    const auto& text_of = work_.texts().text_of;
    const auto found = std::ranges::find(text_of, text);
    throw Error(ErrorCode::bad_model,
                fmt::format("{} {} of the call ({} tokens): the result has NaN or infinity, computed in {}; the "
                            "weights in {} are damaged, or not for this configuration",
                            kind(), found - text_of.begin(), work_.token_count(text),
                            to_string(attempt == Attempt::float32 ? Dtype::float32 : model_.info.dtype),
                            in_quotes(model_.info.directory)));
  }
  // Told each time that there are twice as many: a damaged model could fill a log.
  if (const auto count = ++model_.state->recomputed_batches; std::has_single_bit(count)) {
    call_back([&] {
      model_.state->log.warn(
          "float16 gave NaN or infinity, so a batch is computed again in float32; batches so far: {}", count);
    });
  }
  run_or_halve(batch, Attempt::float32);
}

// What a caller's callback throws is not an answer to a batch that was too large.
template <typename Callback>
void BatchRunner::call_back(const Callback& callback) {
  try {
    if (computation_) computation_->pause();
    callback();
    process_.expect_here("call");
    if (computation_) computation_->resume();
  } catch (...) {
    callback_failed_ = true;
    throw;
  }
}

void BatchRunner::report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer, const at::Tensor& hidden) {
  if (wants_hidden_states()) {
    expect_unchanged_files();
    const Matrix values = to_matrix(hidden);
    const HiddenStates states{layer, batch, packed.offsets, values};
    call_back([&] { callbacks_->on_hidden_states(states); });
  }
  report_progress();
}

void BatchRunner::report_progress() {
  bool goes_on = true;
  if (callbacks_ == nullptr) {
    work_.nudge();
  } else if (callbacks_->on_progress) {
    call_back([&] { goes_on = callbacks_->on_progress(work_.progress()); });
  }
  if (!goes_on) {
    const Progress progress = work_.progress();
    throw Error(ErrorCode::cancelled, fmt::format("stopped by the progress callback after {} of {} texts",
                                                  progress.texts_done, progress.texts_total));
  }
  if (work_.has_failed()) throw Error(ErrorCode::cancelled, "the call has failed on another device");
}

Matrix to_matrix(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
  Matrix matrix(static_cast<std::size_t>(host.size(0)), static_cast<std::size_t>(host.size(1)));
  std::copy_n(host.const_data_ptr<float>(), matrix.size(), matrix.data());
  return matrix;
}

std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length) {
  if (max_length == 0) return static_cast<std::size_t>(config.max_length);
  const auto limit = static_cast<std::size_t>(config.positions());
  if (max_length < 2 || max_length > limit) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_length should be 2 to {} tokens, found {}", limit, max_length));
  }
  return max_length;
}

}  // namespace bgem3
