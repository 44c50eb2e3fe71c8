#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

namespace bgem3 {

/// Bounds how many calls compute at the same time. The others wait, and get their turns in the order they came.
///
/// A turn is lent while a callback of the user's runs in it: whoever is first in line takes it when the callback takes
/// long, and at once when the callback itself computes, so that callbacks may use the model in any way. The callback's
/// call then goes before all that have not begun, so that no more calls than the bound, and those in callbacks, are in
/// the middle of a batch. A short callback costs two uncontended locks, and leaves the turn where it is: to pass it on
/// at every layer would make the calls take caches and processors from each other.
///
/// A forked child has all turns: those that its parent's threads had or waited for are not its own.
class ComputeSlots {
 public:
  /// `count`: calls at the same time, at least 1. `patience`: how long a callback may keep a turn that others wait for;
  /// they look again so often.
  explicit ComputeSlots(unsigned count, std::chrono::nanoseconds patience = std::chrono::milliseconds(5));
  ComputeSlots(const ComputeSlots&) = delete;
  ComputeSlots& operator=(const ComputeSlots&) = delete;

  /// The right to compute, which the constructor waits for.
  class Turn {
   public:
    explicit Turn(ComputeSlots& slots);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

    /// Before a callback, on the thread of the turn.
    void lend();
    /// After it: waits until the turn is this call's again. Not needed when the callback has thrown.
    void take_back();

   private:
    friend ComputeSlots;

    ComputeSlots& slots_;
    std::uint64_t fork_;
    bool has_slot_ = true;  // its own or, while `lent_` names it, one that another may take
  };

  /// Calls that wait now.
  [[nodiscard]] std::size_t waiting();

 private:
  using Clock = std::chrono::steady_clock;

  struct Waiter {
    std::condition_variable wake;
    bool has_turn = false;
  };

  struct Lent {
    Turn* turn;
    std::thread::id thread;
    Clock::time_point since;
  };

  void renew_if_forked();
  void wait_in(std::deque<Waiter*>& line, std::unique_lock<std::mutex>& lock);
  bool is_first(const Waiter& waiter) const;
  bool take_from_own_callback();
  bool take_from_long_callback();
  void pass_on();
  void wake_first();

  const unsigned count_;
  const std::chrono::nanoseconds patience_;
  std::mutex mutex_;
  unsigned free_;
  std::deque<Waiter*> back_from_callbacks_;  // before those that have not begun
  std::deque<Waiter*> new_;
  std::list<Lent> lent_;  // the longest first
  pid_t process_;
  std::uint64_t forks_ = 0;
};

}  // namespace bgem3
