#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/batching.h"
#include "bgem3/encoder.h"
#include "bgem3/options.h"
#include "bgem3/packed_batch.h"
#include "model/model.h"
#include "pipeline/distinct_texts.h"
#include "pipeline/transfer.h"

namespace bgem3 {

/// Which rows of the last layer somebody wants.
enum class Rows { all, first_tokens };

/// Runs token sequences through the encoder of a model in planned batches. Running out of memory is answered here, and
/// only here, by halving the batch; results that are not numbers by computing it in float32.
///
/// A GPU gets the next batch before the results of the last are waited for.
class BatchRunner {
 public:
  /// Stores the results of a batch, which are on the host by then. Returns instead the first text of the batch that has
  /// a NaN or infinity among them, if there is one.
  using Store = std::function<std::optional<std::size_t>()>;

  /// Gets the last hidden states of each batch of distinct texts, [N, D] or [B, D] of first tokens, makes results of
  /// them and sends these to the host.
  using Consumer = std::function<Store(const Batch&, const PackedBatch&, const at::Tensor& hidden, Transfer& transfer)>;

  /// `texts` has to outlive the runner.
  BatchRunner(const Model& model, const DistinctTexts& texts, const BatchLimits& limits, ProgressCallback on_progress,
              HiddenStatesCallback on_hidden_states = {});

  /// @throws Error cancelled when on_progress returned false, out_of_memory when even one text does not fit, bad_model
  ///         when a result is not a number in float32 either
  void run(Rows rows, const Consumer& consume);

 private:
  enum class Precision { as_loaded, float32 };

  struct Started {
    Batch batch;
    Precision precision;
    Transfer transfer;
    Store store;
  };

  void run_or_halve(const Batch& batch, Precision precision);
  void answer_out_of_memory(const Batch& batch);
  std::optional<Started> start_if_it_fits(const Batch& batch, Precision precision);
  Started start(const Batch& batch, Precision precision);
  [[nodiscard]] LayerHook hook_for(const Batch& batch, const PackedBatch& packed) const;
  void finish_last();
  void compute_again(const Batch& batch, Precision precision, std::size_t text);
  void report_done(const Batch& batch);
  void report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer, const at::Tensor& hidden) const;
  void report_progress() const;

  const Model& model_;
  const DistinctTexts& texts_;
  BatchLimits limits_;
  ProgressCallback on_progress_;
  HiddenStatesCallback on_hidden_states_;
  std::vector<std::size_t> token_counts_;
  Progress progress_;

  // Of the run that is under way.
  Rows rows_ = Rows::all;
  const Consumer* consume_ = nullptr;
  std::optional<Started> last_;
};

/// A tensor [n, m] as float32 on the host.
Matrix to_matrix(const at::Tensor& tensor);

/// The limit a call works with: the model's own for 0.
/// @throws Error invalid_argument when `max_length` is below 2 or above what the model has positions for
std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length);

}  // namespace bgem3
