#include "pipeline/batch_runner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3 {
namespace {

// LibTorch has a type for exhausted device memory; on the host, and where a CUDA library asked for it, only a text.
bool is_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string_view what = error.what_without_backtrace();
  constexpr std::array<std::string_view, 4> texts = {"DefaultCPUAllocator", "CUDA error: out of memory",
                                                     "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"};
  return std::any_of(texts.begin(), texts.end(), [&](auto text) { return what.find(text) != std::string_view::npos; });
}

}  // namespace

BatchRunner::BatchRunner(const Model& model, const DistinctTexts& texts, const BatchLimits& limits,
                         ProgressCallback on_progress, HiddenStatesCallback on_hidden_states)
    : model_(model),
      texts_(texts),
      limits_(limits),
      on_progress_(std::move(on_progress)),
      on_hidden_states_(std::move(on_hidden_states)) {
  for (std::size_t i = 0; i < texts.ids.size(); ++i) {
    token_counts_.push_back(texts.ids[i].size());
    progress_.texts_total += texts.copies[i];
    progress_.tokens_total += texts.copies[i] * token_counts_[i];
  }
}

void BatchRunner::run(Rows rows, const Consumer& consume) {
  const c10::InferenceMode no_autograd;
  const StreamPool::Lease stream(model_.state->streams);
  rows_ = rows;
  consume_ = &consume;
  last_.reset();
  BatchLimits limits = limits_;
  limits.tokens_max = std::min<std::size_t>(limits.tokens_max, model_.state->tokens_fit);
  for (const Batch& batch : plan_batches(token_counts_, limits)) run_or_halve(batch, Precision::as_loaded);
  finish_last();
}

void BatchRunner::run_or_halve(const Batch& batch, Precision precision) {
  if (auto started = start_if_it_fits(batch, precision)) {
    finish_last();
    last_.emplace(std::move(*started));
    if (model_.encoder.input.word.is_cpu()) finish_last();
    return;
  }
  answer_out_of_memory(batch);
  const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
  run_or_halve({batch.begin(), middle}, precision);
  run_or_halve({middle, batch.end()}, precision);
}

std::optional<BatchRunner::Started> BatchRunner::start_if_it_fits(const Batch& batch, Precision precision) {
  try {
    return start(batch, precision);
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    return std::nullopt;
  }
}

// Makes room, and remembers for later calls that there is no more. A single text cannot be halved.
void BatchRunner::answer_out_of_memory(const Batch& batch) {
  finish_last();
  if (batch.size() == 1) {
    throw Error(ErrorCode::out_of_memory,
                fmt::format("not enough memory on {} for one text of {} tokens; lower max_length or free memory",
                            model_.info.device, token_counts_[batch.front()]));
  }
  std::size_t tokens = 0;
  for (const auto text : batch) tokens += token_counts_[text];
  auto& fit = model_.state->tokens_fit;
  for (std::size_t known = fit; tokens / 2 < known && !fit.compare_exchange_weak(known, tokens / 2);) {
  }
}

BatchRunner::Started BatchRunner::start(const Batch& batch, Precision precision) {
  std::vector<std::span<const std::int32_t>> batch_ids;
  for (const auto text : batch) batch_ids.emplace_back(texts_.ids[text]);
  const at::Device device = model_.encoder.input.word.device();
  const PackedBatch packed = pack(batch_ids, model_.info.config, device);
  EncoderWeights weights = model_.encoder;  // shares its tensors
  if (precision == Precision::float32) weights.hidden_dtype = at::kFloat;

  const auto encode = rows_ == Rows::all ? encode_batch : encode_first_tokens;
  const LayerHook hook = precision == Precision::as_loaded ? hook_for(batch, packed) : LayerHook();
  Started started{batch, precision, Transfer(device), {}};
  const at::Tensor hidden = encode(packed, weights, model_.info.config, hook);
  started.store = (*consume_)(batch, packed, hidden, started.transfer);
  started.transfer.end();
  return started;
}

LayerHook BatchRunner::hook_for(const Batch& batch, const PackedBatch& packed) const {
  return [&](int64_t layer, const at::Tensor& states) { report_layer(batch, packed, layer, states); };
}

// More than one turn where the batch has to be computed again.
void BatchRunner::finish_last() {
  while (last_) {
    Started last = std::move(*last_);
    last_.reset();
    last.transfer.wait();
    if (const auto not_a_number = last.store()) {
      compute_again(last.batch, last.precision, last.batch[*not_a_number]);
    } else {
      report_done(last.batch);
    }
  }
}

void BatchRunner::report_done(const Batch& batch) {
  for (const auto text : batch) {
    progress_.texts_done += texts_.copies[text];
    progress_.tokens_done += texts_.copies[text] * token_counts_[text];
  }
  report_progress();
}

// float16 ends at 65504, bfloat16 and float32 where numbers mean nothing any more; float8, which scales its numbers,
// has the range of bfloat16.
void BatchRunner::compute_again(const Batch& batch, Precision precision, std::size_t text) {
  if (precision == Precision::float32 || model_.encoder.hidden_dtype != at::kHalf) {
    const auto found = std::find(texts_.text_of.begin(), texts_.text_of.end(), text);
    throw Error(
        ErrorCode::bad_model,
        fmt::format("text {} of the call ({} tokens): the result has NaN or infinity, computed in {}; the "
                    "weights in '{}' are damaged, or not for this configuration",
                    found - texts_.text_of.begin(), token_counts_[text],
                    precision == Precision::float32 ? "float32" : model_.info.dtype, model_.info.directory.string()));
  }
  ++model_.state->recomputed_batches;
  run_or_halve(batch, Precision::float32);
}

void BatchRunner::report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer,
                               const at::Tensor& hidden) const {
  if (on_hidden_states_) {
    const Matrix values = to_matrix(hidden);
    on_hidden_states_({layer, batch, packed.offsets, {values.data(), values.rows(), values.cols()}});
  }
  report_progress();
}

void BatchRunner::report_progress() const {
  if (on_progress_ && !on_progress_(progress_)) {
    throw Error(ErrorCode::cancelled, fmt::format("stopped by the progress callback after {} of {} texts",
                                                  progress_.texts_done, progress_.texts_total));
  }
}

Matrix to_matrix(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
  Matrix matrix(host.size(0), host.size(1));
  std::memcpy(matrix.data(), host.const_data_ptr<float>(), host.nbytes());
  return matrix;
}

std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length) {
  if (max_length == 0) return static_cast<std::size_t>(config.max_length);
  const auto limit = static_cast<std::size_t>(config.position_rows - config.first_position());
  if (max_length < 2 || max_length > limit) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_length should be 2 to {} tokens, found {}", limit, max_length));
  }
  return max_length;
}

}  // namespace bgem3
