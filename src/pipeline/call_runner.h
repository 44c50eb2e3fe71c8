#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/process_mark.h"
#include "bgem3/batch_plan.h"
#include "bgem3/options.h"
#include "model/loaded_model.h"
#include "pipeline/batch_runner.h"
#include "pipeline/call_work.h"

namespace bgem3 {

/// How a call wants to be run.
struct CallOptions {
  BatchLimits limits;  ///< 0 stands for what suits the devices
  std::string device;  ///< empty: all
  Callbacks callbacks;
};

/// Most texts of a batch that is `asked` for, 0 for what suits the device: on a GPU as many as make up the tokens, but
/// no more than LibTorch's kernels of attention can be launched for, which have a row of blocks for each text.
constexpr std::size_t choose_batch_texts(std::size_t asked, bool on_gpu) {
  constexpr std::size_t block_rows_max = 65535;  // of a grid, along y and z
  if (asked == 0) asked = on_gpu ? block_rows_max : 256;
  return on_gpu ? std::min(asked, block_rows_max) : asked;
}

/// Runs the batches of a call on the devices of a model: the calling thread on one of them, and a thread for each
/// other. Whichever is free takes the next batch.
class CallRunner {
 public:
  /// `texts` and `store` have to outlive the runner. The call has `texts_total` texts, which may come to `texts` little
  /// by little.
  /// @throws Error invalid_argument for a device that the model is not on
  CallRunner(const LoadedModel& loaded, const DistinctTexts& texts, std::size_t texts_total,
             const ForwardOptions& forward_options, CallOptions options, StoreResults store);

  /// Computes the texts that have come since the last run.
  /// @throws Error as BatchRunner::run
  void run();

 private:
  [[nodiscard]] BatchLimits choose_limits() const;
  [[nodiscard]] std::size_t devices_max() const;
  void help(const Model& model);
  void compute(BatchRunner& runner, bool has_helpers);

  const LoadedModel& loaded_;
  const ForwardOptions forward_options_;
  const CallOptions options_;
  const StoreResults store_;
  const std::vector<std::size_t> devices_;  // that the call may use
  CallWork work_;
  const ProcessMark process_;
};

}  // namespace bgem3
