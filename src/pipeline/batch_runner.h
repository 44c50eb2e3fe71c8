#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/process_mark.h"
#include "bgem3/batching.h"
#include "bgem3/options.h"
#include "bgem3/tensors/packed_batch.h"
#include "model/batch_graphs.h"
#include "model/batch_results.h"
#include "model/computation.h"
#include "model/model.h"
#include "pipeline/call_work.h"
#include "pipeline/transfer.h"

namespace bgem3 {

/// Keeps the results of a batch of distinct texts, which are on the host by then; devices do so at the same time, each
/// for other texts. Returns instead the first text of the batch that has a NaN or infinity among them, if there is one.
/// Text k has the rows offsets[k] … offsets[k + 1].
using StoreResults = std::function<std::optional<std::size_t>(const Batch&, const std::vector<std::int32_t>& offsets,
                                                              const BatchResults&)>;

/// What a caller's callbacks are told. They run on the calling thread.
struct Callbacks {
  ProgressCallback on_progress;
  HiddenStatesCallback on_hidden_states;
};

/// Runs batches of a call through the model on one device. Running out of memory is answered here, and only here, by
/// halving the batch; results that are not numbers by computing it in float32.
///
/// A GPU gets the next batch before the results of the last are waited for. Small batches run as graphs where the model
/// has them.
class BatchRunner {
 public:
  /// `callbacks`: null on a thread that helps the calling one.
  BatchRunner(const Model& model, CallWork& work, const Outputs& outputs, const StoreResults& store,
              const Callbacks* callbacks);

  /// Computes batches until none is left.
  /// @throws Error cancelled when on_progress returned false or the call has failed elsewhere, out_of_memory when even
  ///         one text does not fit, bad_model when a result is not a number in float32 either, model_changed when it
  ///         may come from a file that was changed, invalid_argument in a child that a callback has forked
  void run();

  /// Tells the caller how far the call has come.
  void report_progress();

 private:
  /// How a batch is computed: as it comes, where it has to be without a graph, or with more digits.
  enum class Attempt { first, without_graph, float32 };

  struct Started {
    Batch batch;
    Attempt attempt;
    std::vector<std::int32_t> offsets;
    Transfer transfer;
    BatchResults results;
  };

  using Views = std::vector<std::span<const std::int32_t>>;

  void take_turn_and_run(const Batch& batch);
  void start_computation();
  void run_or_halve(const Batch& batch, Attempt attempt);
  void answer_out_of_memory(const Batch& batch);
  std::optional<Started> start_if_it_fits(const Batch& batch, Attempt attempt);
  Started start(const Batch& batch, Attempt attempt);
  std::optional<BatchResults> replay(const Views& texts, std::int64_t tokens);
  BatchResults compute(const Batch& batch, const Views& texts, Attempt attempt);
  void finish_last();
  void expect_unchanged_files();
  void compute_again(const Batch& batch, Attempt attempt, std::size_t text);
  void report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer, const at::Tensor& hidden);
  [[nodiscard]] const char* kind() const { return outputs_.relevance ? "pair" : "text"; }
  [[nodiscard]] bool wants_hidden_states() const { return callbacks_ != nullptr && callbacks_->on_hidden_states; }
  template <typename Callback>
  void call_back(const Callback& callback);

  const Model& model_;
  CallWork& work_;
  const Outputs outputs_;
  const StoreResults& store_;
  const Callbacks* callbacks_;
  const ProcessMark process_;
  bool callback_failed_ = false;
  std::string out_of_memory_;  // what the last batch that did not fit gave as the reason

  // Of the run that is under way.
  std::optional<Computation> computation_;  // on the CPU, of the batch that is computed
  BatchGraphs* graphs_ = nullptr;
  std::optional<Started> last_;
};

/// A tensor [n, m] as float32 on the host.
Matrix to_matrix(const at::Tensor& tensor);

/// The limit a call works with: the model's own for 0.
/// @throws Error invalid_argument when `max_length` is below 2 or above what the model has positions for
std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length);

}  // namespace bgem3
