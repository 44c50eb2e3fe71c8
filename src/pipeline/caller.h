#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/process_mark.h"
#include "bgem3/batch_plan.h"
#include "bgem3/options.h"
#include "model/computation.h"
#include "pipeline/call_work.h"

namespace bgem3 {

/// What a caller's callbacks are told. They run on the calling thread.
struct Callbacks {
  ProgressCallback on_progress;
  HiddenStatesCallback on_hidden_states;
};

/// What a thread that computes has to do with the caller: it tells how far the call has come, and hears whether it
/// goes on.
class Caller {
 public:
  /// `callbacks`: null on a thread that helps the calling one, which is nudged instead. `turn`: what the thread
  /// computes in, if it does; lent to callbacks.
  Caller(CallWork& work, const Callbacks* callbacks, std::optional<Computation>& turn)
      : work_(work), callbacks_(callbacks), turn_(turn) {}

  /// Runs what may be the caller's code. What it throws is no answer to a batch that was too large.
  /// @throws Error invalid_argument in a child that it has forked
  template <typename Callback>
  void call_back(const Callback& callback) {
    try {
      if (turn_) turn_->pause();
      callback();
      process_.expect_here("call");
      if (turn_) turn_->resume();
    } catch (...) {
      has_thrown_ = true;
      throw;
    }
  }

  [[nodiscard]] bool has_thrown() const noexcept { return has_thrown_; }

  [[nodiscard]] bool wants_hidden_states() const { return callbacks_ != nullptr && callbacks_->on_hidden_states; }
  /// `hidden`: [N, D] after a layer, of texts that begin at `offsets`.
  void show_hidden_states(const Batch& batch, const std::vector<std::int32_t>& offsets, std::int64_t layer,
                          const at::Tensor& hidden);

  /// @throws Error cancelled when on_progress returned false or the call has failed elsewhere
  void report_progress();

 private:
  CallWork& work_;
  const Callbacks* callbacks_;
  std::optional<Computation>& turn_;
  const ProcessMark process_;
  bool has_thrown_ = false;
};

}  // namespace bgem3
