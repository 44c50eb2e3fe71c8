#include "pipeline/caller.h"

#include <fmt/format.h>

#include "bgem3/error.h"
#include "pipeline/transfer.h"

namespace bgem3 {

void Caller::show_hidden_states(const Batch& batch, const std::vector<std::int32_t>& offsets, std::int64_t layer,
                                const at::Tensor& hidden) {
  const Matrix values = to_matrix(hidden);
  const HiddenStates states{layer, batch, offsets, values};
  call_back([&] { callbacks_->on_hidden_states(states); });
}

void Caller::report_progress() {
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

}  // namespace bgem3
