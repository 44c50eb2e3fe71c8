#include "worker.h"

#include <atomic>
#include <memory>
#include <utility>

namespace bgem3::python {

namespace {

// Posted and not done. Never destroyed: daemon threads may come here while the process ends.
std::atomic<int>& posted() {
  static auto& count = *new PerProcess<std::atomic<int>>([] { return std::make_unique<std::atomic<int>>(0); });
  return count.get();
}

}  // namespace

Worker& Worker::of_this_thread() {
  thread_local PerProcess<Worker> worker([] { return std::make_unique<Worker>(); });
  return worker.get();
}

Worker::~Worker() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_one();
  is_this_thread() ? thread_.detach() : thread_.join();
}

int Worker::unfinished() { return posted(); }

void Worker::post(std::function<void()> work) {
  ++posted();
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
  }
  state_->wake.notify_one();
}

void Worker::run(State& state) {
  std::unique_lock lock(state.mutex);
  while (true) {
    state.wake.wait(lock, [&] { return state.stop || !state.queue.empty(); });
    if (state.queue.empty()) return;
    auto work = std::move(state.queue.front());
    state.queue.pop_front();
    lock.unlock();
    work();
    if (!state.process.is_here()) {
      // It has forked, and this is the child, whose only thread ends here. Python gives it no state any more, which
      // destroying functions of Python's would need.
      (void)new auto(std::move(work));
      return;
    }
    work = nullptr;  // with all that it owns, without the lock
    --posted();
    lock.lock();
  }
}

}  // namespace bgem3::python
