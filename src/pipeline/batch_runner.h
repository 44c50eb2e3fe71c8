#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/batching.h"
#include "bgem3/options.h"
#include "bgem3/packed_batch.h"
#include "model/model.h"
#include "pipeline/distinct_texts.h"

namespace bgem3 {

/// Which rows of the last layer somebody wants.
enum class Rows { all, first_tokens };

/// Runs token sequences through the encoder of a model in planned batches. Running out of memory is answered here, and
/// only here, by halving the batch.
class BatchRunner {
 public:
  /// Gets the last hidden states of each batch of distinct texts: [N, D], or [B, D] of first tokens.
  using Consumer = std::function<void(const Batch&, const PackedBatch&, const at::Tensor& hidden)>;

  /// `texts` has to outlive the runner.
  BatchRunner(const Model& model, const DistinctTexts& texts, const BatchLimits& limits, ProgressCallback on_progress,
              HiddenStatesCallback on_hidden_states = {});

  /// @throws Error cancelled when on_progress returned false, out_of_memory when even one text does not fit
  void run(Rows rows, const Consumer& consume);

 private:
  void run_or_halve(const Batch& batch, Rows rows, const Consumer& consume);
  void refuse_single(const Batch& batch) const;
  void run_batch(const Batch& batch, Rows rows, const Consumer& consume);
  void report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer, const at::Tensor& hidden) const;
  void report_progress() const;

  const Model& model_;
  const DistinctTexts& texts_;
  BatchLimits limits_;
  ProgressCallback on_progress_;
  HiddenStatesCallback on_hidden_states_;
  std::vector<std::size_t> token_counts_;
  Progress progress_;
};

/// A tensor [n, m] as float32 on the host.
Matrix to_matrix(const at::Tensor& tensor);

/// The limit a call works with: the model's own for 0.
/// @throws Error invalid_argument when `max_length` is below 2 or above what the model has positions for
std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length);

}  // namespace bgem3
