#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bgem3/error.h"

namespace bgem3 {

/// The process that made an object. A forked child has copies of all objects, but of its parent's threads only the one
/// that forked. It would wait for good for any other, and for a mutex that one of them held. So what has threads, and
/// what locks, asks first whether it is still in the process that made it.
class ProcessMark {
 public:
  [[nodiscard]] bool is_here() const noexcept { return process_ == ::getpid(); }

  /// @throws Error invalid_argument in a forked child of the process that made `what`
  void expect_here(const char* what) const {
    if (is_here()) return;
    throw Error(ErrorCode::invalid_argument,
                std::string("this ") + what +
                    " was made before fork(), and its threads stayed with the parent; make it in the child");
  }

 private:
  pid_t process_ = ::getpid();
};

/// Destroys an object in the process that made it. A forked child leaves its copy as it is: threads cannot be joined
/// there, and a destructor may wait for them.
struct DestroyHere {
  ProcessMark process;

  template <typename T>
  void operator()(T* object) const noexcept {
    if (process.is_here()) delete object;
  }
};

template <typename T>
using OwnedHere = std::unique_ptr<T, DestroyHere>;

template <typename T, typename... Arguments>
OwnedHere<T> make_owned_here(Arguments&&... arguments) {
  return OwnedHere<T>(new T(std::forward<Arguments>(arguments)...));
}

/// A T for each process. A forked child gets one of its own when it first asks, and leaves its parent's as it is, whose
/// mutexes may be locked for good. Any thread.
template <typename T>
class PerProcess {
 public:
  explicit PerProcess(std::function<std::unique_ptr<T>()> make)
      : make_(std::move(make)), current_(new Made{{}, make_()}) {}
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;
  ~PerProcess() {
    if (const Made* made = current_; made->process.is_here()) delete made;
  }

  [[nodiscard]] T& get() {
    Made* made = current_.load(std::memory_order_acquire);
    if (made->process.is_here()) return *made->value;
    auto fresh = std::make_unique<Made>(Made{{}, make_()});
    // Of the threads of a child that come here at once, one is first.
    if (current_.compare_exchange_strong(made, fresh.get(), std::memory_order_acq_rel)) made = fresh.release();
    return *made->value;
  }

 private:
  struct Made {
    ProcessMark process;
    std::unique_ptr<T> value;
  };

  const std::function<std::unique_ptr<T>()> make_;
  std::atomic<Made*> current_;
};

}  // namespace bgem3
