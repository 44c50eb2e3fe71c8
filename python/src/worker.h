#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/process_mark.h"

namespace bgem3::python {

/// A thread that does the work of one Python thread, so that the Python thread can go on noticing Ctrl-C. It stays for
/// the next call: a fresh thread would have to start OpenMP's threads anew.
class Worker {
 public:
  /// The worker of the calling thread. A forked child has one of its own.
  static Worker& of_this_thread();

  Worker() : thread_([state = state_] { run(*state); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Finishes what was posted; on the thread of the worker itself, after its end. Not in a forked child: see
  /// DestroyHere.
  ~Worker();

  [[nodiscard]] bool is_this_thread() const { return thread_.get_id() == std::this_thread::get_id(); }

  void post(std::function<void()> work);

  /// How much of what was posted to all workers of this process is not done.
  static int unfinished();

 private:
  struct State {
    ProcessMark process;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> queue;
    bool stop = false;
  };

  static void run(State& state);

  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::thread thread_;
};

}  // namespace bgem3::python
