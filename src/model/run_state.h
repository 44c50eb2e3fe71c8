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

#include "model/batch_graphs.h"
#include "model/compute_slots.h"
#include "model/log.h"

namespace bgem3 {

/// Streams of one GPU, each with the graphs recorded on it: each call has one to itself, and takes one that an earlier
/// call has left. LibTorch keeps freed memory by stream, so there should be no more of them than calls at the same
/// time. cuBLAS keeps a workspace for each thread and stream that have met, so a thread gets the stream that it had
/// last, if that is free. On the CPU a stream is only a name for the order of a call.
class StreamPool {
  struct Entry;

 public:
  explicit StreamPool(at::Device device) : device_(device) {}
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;
  ~StreamPool();

  /// Makes a stream the current one of this thread, for the time of a call.
  class Lease {
   public:
    explicit Lease(StreamPool& pool);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();  // waits for the stream, so that nothing of a call is running when the call is over

    [[nodiscard]] BatchGraphs& graphs() const noexcept { return entry_->graphs; }

   private:
    StreamPool& pool_;
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

  std::unique_ptr<Entry> take();
  void put_back(std::unique_ptr<Entry> entry);

  at::Device device_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Entry>> free_;
  std::uint64_t drops_ = 0;
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
  /// Tokens of a batch that memory had room for when it had not for more.
  std::atomic<std::size_t> tokens_fit = std::numeric_limits<std::size_t>::max();
};

}  // namespace bgem3
