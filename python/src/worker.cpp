#include "worker.h"

#include <unistd.h>

#include <memory>
#include <utility>

namespace bgem3::python {

Worker& Worker::of_this_thread() {
  thread_local std::unique_ptr<Worker> worker;
  thread_local pid_t owner = 0;
  if (owner != ::getpid()) {
    // Left alone, not joined: after a fork its thread is not there.
    (void)worker.release();
    worker = std::make_unique<Worker>();
    owner = ::getpid();
  }
  return *worker;
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace bgem3::python
