#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "bgem3/batch_plan.h"
#include "model/batch_results.h"
#include "model/computation.h"
#include "model/forward_options.h"
#include "model/model.h"
#include "pipeline/call_work.h"
#include "pipeline/caller.h"

namespace bgem3 {

/// Keeps the results of a batch of distinct texts, which are on the host by then; devices do so at the same time, each
/// for other texts. Returns instead the first text of the batch that has a NaN or infinity among them, if there is one.
/// Text k has the rows offsets[k] … offsets[k + 1].
using StoreResults = std::function<std::optional<std::size_t>(const Batch&, const std::vector<std::int32_t>& offsets,
                                                              const BatchResults&)>;

/// Runs batches of a call through the model on one device: BatchLoop has their order, BatchStarter computes them, Retry
/// knows what is tried when one fails.
class BatchRunner {
 public:
  /// `callbacks`: null on a thread that helps the calling one.
  BatchRunner(const Model& model, CallWork& work, const ForwardOptions& options, const StoreResults& store,
              const Callbacks* callbacks)
      : model_(model), work_(work), options_(options), store_(store), caller_(work, callbacks, turn_) {}

  /// Computes batches until none is left. A GPU gets the next one before the results of the last are waited for.
  /// @throws Error cancelled when on_progress returned false or the call has failed elsewhere, out_of_memory when even
  ///         one text does not fit, bad_model when a result is not a number in float32 either, model_changed when it
  ///         may come from a file that was changed, invalid_argument in a child that a callback has forked
  void run();

  /// Tells the caller how far the call has come.
  void report_progress() { caller_.report_progress(); }

 private:
  class Steps;

  void take_turn();

  const Model& model_;
  CallWork& work_;
  const ForwardOptions options_;
  const StoreResults& store_;
  std::optional<Computation> turn_;  // on the CPU, of the batch that is computed
  Caller caller_;
};

}  // namespace bgem3
