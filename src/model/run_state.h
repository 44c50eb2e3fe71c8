#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include "base/process_mark.h"
#include "model/batch_graphs.h"
#include "model/compute_slots.h"
#include "model/log.h"

namespace bgem3 {

/// Streams of one GPU, each with the graphs recorded on it: each call has one to itself, and takes one that an earlier
/// call has left. LibTorch keeps freed memory by stream, so there should be no more of them than calls at the same
/// time. cuBLAS keeps a workspace for each thread and stream that have met, so a thread gets the stream that it had
/// last, if that is free. On the CPU a stream is only a name for the order of a call. A forked child begins with none.
class StreamPool {
  struct Entry;
  struct State;

 public:
  explicit StreamPool(at::Device device) : device_(device), state_([] { return std::make_unique<State>(); }) {}

  /// Makes a stream the current one of this thread, for the time of a call.
  class Lease {
   public:
    explicit Lease(StreamPool& pool);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();  // waits for the stream, so that nothing of a call is running when the call is over

    [[nodiscard]] BatchGraphs& graphs() const noexcept { return entry_->graphs; }

   private:
    State& state_;
    const ProcessMark process_;
    std::unique_ptr<Entry> entry_;
    c10::OptionalStreamGuard guard_;
  };

  /// Gives up all graphs with their memory; those of calls that are running when they end.
  void drop_graphs();

  GraphUse graph_use;

 private:
  struct Entry {
    std::optional<c10::Stream> stream;  // none on the CPU
    BatchGraphs graphs;
    std::uint64_t drops_seen;
    std::thread::id last_thread;
  };

  // Of one process.
  struct State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();

    void put_back(std::unique_ptr<Entry> entry);

    std::mutex mutex;
    std::vector<std::unique_ptr<Entry>> free;
    std::uint64_t drops = 0;
  };

  std::unique_ptr<Entry> take(State& state);

  at::Device device_;
  PerProcess<State> state_;
};

/// The little about a model that changes after load. Shared by the calls of all threads.
struct RunState {
  explicit RunState(at::Device device, unsigned parallel_calls = 1, const LogCallback& on_log = {})
      : log(on_log), slots(parallel_calls), streams(device) {
    streams.graph_use.log = log;
  }

  const Log log;

  ComputeSlots slots;  // of the CPU
  StreamPool streams;
  std::atomic<std::uint64_t> recomputed_batches = 0;
  std::atomic<bool> told_of_lost_threads = false;  ///< see ThreadCount::usable
  /// Tokens of a batch that memory had room for when it had not for more.
  std::atomic<std::size_t> tokens_fit = std::numeric_limits<std::size_t>::max();
};

}  // namespace bgem3
