#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

#include "bgem3/bgem3.h"
#include "worker.h"

namespace bgem3::python {

// What the two threads of one call share. The worker holds it until it is done, which may be after the caller has left.
struct CallState {
  std::atomic<std::size_t> texts_done = 0;
  std::atomic<bool> stop = false;
};

// Called with the GIL.
inline void poll(const CallState& state, std::size_t texts_total, const pybind11::object& progress) {
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
  if (progress.is_none()) return;
  const pybind11::object answer = progress(state.texts_done.load(), texts_total);
  if (answer.is(pybind11::bool_(false))) throw Error(ErrorCode::cancelled, "stopped by the progress callback");
}

/// Runs `work`, which gets a ProgressCallback and must own all it uses, on the worker of the calling thread, without
/// the GIL. The calling thread meanwhile takes signals and calls `progress(texts_done, texts_total)`, if it is not
/// None, about 20 times a second. An exception in either, or False from `progress`, stops the work: it is raised at
/// once, and the work ends by itself after the layer it is in.
template <typename Work>
auto run_interruptible(Work work, std::size_t texts_total, const pybind11::object& progress) {
  using Result = decltype(work(ProgressCallback()));
  const auto state = std::make_shared<CallState>();
  const auto on_progress = [state](const Progress& now) {
    state->texts_done = now.texts_done;
    return !state->stop;
  };
  const auto task = std::make_shared<std::packaged_task<Result()>>(
      [work = std::move(work), on_progress] { return work(on_progress); });
  std::future<Result> result = task->get_future();
  Worker::of_this_thread().post([task] { (*task)(); });
  try {
    while (true) {
      {
        const pybind11::gil_scoped_release no_gil;
        if (result.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready) break;
      }
      poll(*state, texts_total, progress);
    }
  } catch (...) {
    state->stop = true;
    throw;
  }
  return result.get();
}

}  // namespace bgem3::python
