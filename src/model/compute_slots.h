#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "base/process_mark.h"

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
  struct State;

 public:
  /// `count`: calls at the same time, at least 1. `patience`: how long a callback may keep a turn that others wait for;
  /// they look again so often.
  explicit ComputeSlots(unsigned count, std::chrono::nanoseconds patience = std::chrono::milliseconds(5));

  /// The right to compute, which the constructor waits for.
  class Turn {
   public:
    explicit Turn(ComputeSlots& slots);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

    /// Before a callback, on the thread of the turn.
    void lend();
    /// After it: waits until the turn is this call's again. Not needed when the callback has thrown, nor in a child
    /// that it has forked, whose parent goes on with the call.
    void take_back();

   private:
    friend State;

    State& state_;
    const ProcessMark process_;
    bool has_slot_ = true;  // its own or, while State::lent names it, one that another may take
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

  // Of one process.
  struct State {
    State(unsigned count, std::chrono::nanoseconds with_patience) : patience(with_patience), free(count) {}

    void wait_in(std::deque<Waiter*>& line, std::unique_lock<std::mutex>& lock);
    bool is_first(const Waiter& waiter) const;
    bool take_from_own_callback();
    bool take_from_long_callback();
    void end_loan(const Turn& turn);
    void pass_on();
    void wake_first();

    const std::chrono::nanoseconds patience;
    std::mutex mutex;  // of what follows
    unsigned free;
    std::deque<Waiter*> back_from_callbacks;  // before those that have not begun
    std::deque<Waiter*> new_calls;
    std::list<Lent> lent;  // the longest first
  };

  PerProcess<State> state_;
};

}  // namespace bgem3
