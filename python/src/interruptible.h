#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

#include "base/process_mark.h"
#include "bgem3/bgem3.h"
#include "worker.h"

namespace bgem3::python {

/// What the two threads of one call share. The worker holds it until it is done, which may be after the caller has
/// left.
class Call {
 public:
  /// For the worker: notes how far it is; false when it should stop.
  bool report(const Progress& now);

  /// For the caller, with the GIL: takes signals and calls `progress` until `is_ready`, which waits a while by itself.
  /// @throws Error invalid_argument in a child that `progress` or a signal handler has forked
  void wait(const std::function<bool()>& is_ready, std::size_t texts_total, const pybind11::object& progress);

 private:
  void poll(std::size_t texts_total, const pybind11::object& progress) const;

  const ProcessMark process_;
  std::atomic<std::size_t> texts_done_ = 0;
  std::atomic<bool> stop_ = false;
};

/// Whether end_all_calls() was called.
bool calls_are_ending();

/// Makes all calls stop and waits for their work to end: for the end of the interpreter, with the GIL.
void end_all_calls();

/// @throws TypeError for what is neither None nor callable
void check_progress(const pybind11::object& progress);

/// Runs `work`, which gets a ProgressCallback and must own all it uses, on the worker of the calling thread, without
/// the GIL. The calling thread meanwhile takes signals and calls `progress(texts_done, texts_total)`, if it is not
/// None, about 20 times a second. An exception in either, or False from `progress`, stops the work: it is raised at
/// once, and the work ends by itself after the layer it is in.
/// @throws TypeError for a `progress` that is neither None nor callable
template <typename Work>
auto run_interruptible(Work work, std::size_t texts_total, const pybind11::object& progress) {
  using Result = decltype(work(ProgressCallback()));
  check_progress(progress);
  const auto call = std::make_shared<Call>();
  const auto on_progress = [call](const Progress& now) { return call->report(now); };
  const auto task = std::make_shared<std::packaged_task<Result()>>(
      [work = std::move(work), on_progress] { return work(on_progress); });
  std::future<Result> result = task->get_future();
  Worker::of_this_thread().post([task] { (*task)(); });
  const auto is_ready = [&] { return result.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready; };
  call->wait(is_ready, texts_total, progress);
  return result.get();
}

}  // namespace bgem3::python
