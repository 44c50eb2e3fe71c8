#include "pipeline/retry.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "model/errors.h"

namespace bgem3 {

// Of the exception that is being handled.
void Retry::keep_reason_or_rethrow() {
  if (caller_.has_thrown()) throw;
  try {
    throw;
  } catch (const std::bad_alloc& error) {
    out_of_memory_ = error.what();
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    out_of_memory_ = error.what_without_backtrace();
  }
}

std::array<WorkItem, 2> Retry::halve(const WorkItem& item) {
  const Batch& batch = item.batch;
  if (batch.size() == 1) {
    throw Error(ErrorCode::out_of_memory,
                fmt::format("not enough memory on {} for one {} of {} tokens; lower max_length or free memory: {}",
                            model_.info.device, kind_, work_.token_count(batch.front()), out_of_memory_));
  }
  std::size_t tokens = 0;
  for (const auto text : batch) tokens += work_.token_count(text);
  remember_fit(tokens);
  const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
  return {WorkItem{{batch.begin(), middle}, item.attempt}, WorkItem{{middle, batch.end()}, item.attempt}};
}

// Of a batch of `tokens` that had no room. Told where it is news.
void Retry::remember_fit(std::size_t tokens) {
  auto& fit = model_.state->tokens_fit;
  for (std::size_t known = fit; tokens / 2 < known;) {
    if (!fit.compare_exchange_weak(known, tokens / 2)) continue;
    caller_.call_back([&] {
      model_.state->log.warn("not enough memory on {} for a batch of {} tokens: from now on they have {} at most",
                             model_.info.device, tokens, tokens / 2);
    });
    return;
  }
}

// float16 ends at 65504, bfloat16 and float32 where numbers mean nothing any more; float8, which scales its numbers,
// has the range of bfloat16.
WorkItem Retry::after_not_a_number(WorkItem item, std::size_t text) {
  if (item.attempt == Attempt::first) return {std::move(item.batch), Attempt::without_graph};  // it may be the padding
  if (item.attempt == Attempt::float32 || model_.hidden_dtype != at::kHalf) {
    refuse_not_a_number(item.attempt, text);
  }
  // Told each time that there are twice as many: a damaged model could fill a log.
  if (const auto count = ++model_.state->recomputed_batches; std::has_single_bit(count)) {
    caller_.call_back([&] {
      model_.state->log.warn(
          "float16 gave NaN or infinity, so a batch is computed again in float32; batches so far: {}", count);
    });
  }
  return {std::move(item.batch), Attempt::float32};
}

void Retry::refuse_not_a_number(Attempt attempt, std::size_t text) const {
  const auto& text_of = work_.texts().text_of;
  const auto found = std::ranges::find(text_of, text);
  throw Error(ErrorCode::bad_model,
              fmt::format("{} {} of the call ({} tokens): the result has NaN or infinity, computed in {}; the "
                          "weights in {} are damaged, or not for this configuration",
                          kind_, found - text_of.begin(), work_.token_count(text),
                          to_string(attempt == Attempt::float32 ? Dtype::float32 : model_.info.dtype),
                          detail::in_quotes(model_.info.directory)));
}

}  // namespace bgem3
