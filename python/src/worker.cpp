#include "worker.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <utility>

namespace bgem3::python {

namespace {

// Posted and not done, by the process `counting`: a forked child has nothing to do with its parent's.
std::atomic<int> posted = 0;
std::atomic<pid_t> counting = 0;

// A forked child has a copy of its parent's worker, but not the thread: waiting for that would never end, so the copy
// is left alone.
class OfThisProcess {
 public:
  OfThisProcess() = default;
  OfThisProcess(const OfThisProcess&) = delete;
  OfThisProcess& operator=(const OfThisProcess&) = delete;
  ~OfThisProcess() { leave_the_parents(); }

  Worker& get() {
    leave_the_parents();
    if (!worker_) {
      worker_ = std::make_unique<Worker>();
      owner_ = ::getpid();
    }
    return *worker_;
  }

 private:
  void leave_the_parents() {
    if (owner_ != ::getpid()) (void)worker_.release();
  }

  std::unique_ptr<Worker> worker_;
  pid_t owner_ = 0;
};

}  // namespace

Worker& Worker::of_this_thread() {
  thread_local OfThisProcess worker;
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

int Worker::unfinished() { return counting == ::getpid() ? posted.load() : 0; }

void Worker::post(std::function<void()> work) {
  if (counting.exchange(::getpid()) != ::getpid()) posted = 0;
  ++posted;
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
    work = nullptr;  // with all that it owns, without the lock
    --posted;
    lock.lock();
  }
}

}  // namespace bgem3::python
