#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace bgem3::python {

/// A thread that does the work of one Python thread, so that the Python thread can go on noticing Ctrl-C. It stays for
/// the next call: a fresh thread would have to start OpenMP's threads anew.
class Worker {
 public:
  /// The worker of the calling thread. A forked child gets one of its own.
  static Worker& of_this_thread();

  Worker() : thread_([this] { run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Finishes what was posted.
  ~Worker();

  void post(std::function<void()> work);

  /// How much of what was posted to all workers of this process is not done.
  static int unfinished();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace bgem3::python
