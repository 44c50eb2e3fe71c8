#include "pipeline/batch_runner.h"

#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/encoder.h"

namespace bgem3 {
namespace {

// On the host torch reports exhausted memory as a plain error with this text.
bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         std::string_view(error.what_without_backtrace()).find("DefaultCPUAllocator") != std::string_view::npos;
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
  for (const Batch& batch : plan_batches(token_counts_, limits_)) run_or_halve(batch, rows, consume);
}

void BatchRunner::run_or_halve(const Batch& batch, Rows rows, const Consumer& consume) {
  try {
    run_batch(batch, rows, consume);
    return;
  } catch (const std::bad_alloc&) {
    refuse_single(batch);
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    refuse_single(batch);
  }
  const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
  run_or_halve({batch.begin(), middle}, rows, consume);
  run_or_halve({middle, batch.end()}, rows, consume);
}

void BatchRunner::refuse_single(const Batch& batch) const {
  if (batch.size() > 1) return;
  throw Error(ErrorCode::out_of_memory,
              fmt::format("not enough memory on {} for one text of {} tokens; lower max_length or free memory",
                          model_.info.device, token_counts_[batch.front()]));
}

void BatchRunner::run_batch(const Batch& batch, Rows rows, const Consumer& consume) {
  std::vector<std::span<const std::int32_t>> batch_ids;
  for (const auto text : batch) batch_ids.emplace_back(texts_.ids[text]);
  const PackedBatch packed = pack(batch_ids, model_.info.config);
  const auto encode = rows == Rows::all ? encode_batch : encode_first_tokens;
  const LayerHook hook = [&](int64_t layer, const at::Tensor& states) { report_layer(batch, packed, layer, states); };
  consume(batch, packed, encode(packed, model_.encoder, model_.info.config, hook));

  for (const auto text : batch) {
    progress_.texts_done += texts_.copies[text];
    progress_.tokens_done += texts_.copies[text] * token_counts_[text];
  }
  report_progress();
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
