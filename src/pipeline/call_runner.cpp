#include "pipeline/call_runner.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <numeric>
#include <span>
#include <thread>
#include <utility>

namespace bgem3 {
namespace {

// A device is not busy with fewer tokens.
constexpr std::size_t share_tokens_min = 1024;

// Tokens of a batch that give each device the same number of batches. With room for the rest of the longest text, so
// that texts, which are not cut, make no batch more.
std::size_t even_share(std::span<const std::size_t> token_counts, std::size_t most, std::size_t devices) {
  const auto tokens = std::accumulate(token_counts.begin(), token_counts.end(), std::size_t{0});
  const std::size_t busy = std::min(devices, tokens / share_tokens_min);
  if (busy < 2) return most;
  const auto divide_up = [](std::size_t number, std::size_t by) { return (number + by - 1) / by; };
  const std::size_t rounds = divide_up(tokens, most * busy);
  return std::min(divide_up(tokens, rounds * busy) + std::ranges::max(token_counts) - 1, most);
}

// Joined whatever happens.
using Helpers = OwnedHere<std::vector<std::jthread>>;

}  // namespace

CallRunner::CallRunner(const LoadedModel& loaded, const DistinctTexts& texts, std::size_t texts_total,
                       const ForwardOptions& forward_options, CallOptions options, StoreResults store)
    : loaded_(loaded),
      forward_options_(forward_options),
      options_(std::move(options)),
      store_(std::move(store)),
      devices_(find_devices(loaded, options_.device)),
      work_(texts, texts_total) {}

void CallRunner::run() {
  const std::size_t done_before = work_.progress().texts_done;
  work_.take_new_texts();
  const std::size_t batches = work_.plan(choose_limits());
  const std::size_t devices = std::clamp<std::size_t>(batches, 1, devices_max());
  const DeviceUse::Lease lease(*loaded_.use, devices_, devices);
  BatchRunner leader(loaded_.models[lease.devices().front()], work_, forward_options_, store_, &options_.callbacks);
  if (work_.progress().texts_done > done_before) leader.report_progress();
  if (batches == 0) return;  // and needs no stream: calls of no texts check a request on many threads
  const Helpers helpers = make_owned_here<std::vector<std::jthread>>();
  helpers->reserve(lease.devices().size() - 1);
  for (const auto device : lease.devices().subspan(1)) {
    work_.start_helper();
    try {
      helpers->emplace_back([this, &model = loaded_.models[device]] { help(model); });
    } catch (const std::exception& error) {  // the others compute
      work_.end_helper();
      loaded_.models[device].state->log.warn("no thread for {}, which does not take part in this call: {}",
                                             loaded_.models[device].info.device, error.what());
    }
  }
  compute(leader, lease.devices().size() > 1);
  work_.rethrow();
}

// Hidden states go to the caller while they are valid, so one device computes them, on the caller's thread.
std::size_t CallRunner::devices_max() const { return options_.callbacks.on_hidden_states ? 1 : devices_.size(); }

void CallRunner::compute(BatchRunner& runner, bool has_helpers) {
  try {
    runner.run();
    if (!has_helpers) return;
    while (work_.wait_for_nudge()) runner.report_progress();
  } catch (...) {
    if (!process_.is_here()) throw;  // nobody is left here to be told
    work_.fail(std::current_exception());
  }
}

void CallRunner::help(const Model& model) {
  try {
    BatchRunner(model, work_, forward_options_, store_, nullptr).run();
  } catch (...) {
    work_.fail(std::current_exception());
  }
  work_.end_helper();
}

// Rows are counted in 32 bits.
BatchLimits CallRunner::choose_limits() const {
  constexpr std::size_t countable = std::numeric_limits<std::int32_t>::max();
  const bool on_gpu = loaded_.models.front().execution.is_queued();
  BatchLimits limits = options_.limits;
  limits.texts_max = choose_batch_texts(limits.texts_max, on_gpu);
  if (limits.tokens_max == 0) {
    limits.tokens_max = even_share(work_.new_token_counts(), default_batch_tokens(on_gpu), devices_max());
  }
  limits.tokens_max = std::min(limits.tokens_max, countable);
  for (const auto device : devices_) {
    limits.tokens_max = std::min<std::size_t>(limits.tokens_max, loaded_.models[device].state->tokens_fit);
  }
  return limits;
}

}  // namespace bgem3
