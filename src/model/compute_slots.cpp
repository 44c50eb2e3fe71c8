#include "model/compute_slots.h"

#include <algorithm>

namespace bgem3 {

ComputeSlots::ComputeSlots(unsigned count, std::chrono::nanoseconds patience)
    : state_([=] { return std::make_unique<State>(std::max(1U, count), patience); }) {}

ComputeSlots::Turn::Turn(ComputeSlots& slots) : state_(slots.state_.get()) {
  std::unique_lock lock(state_.mutex);
  if (state_.free > 0) {  // then nobody waits
    --state_.free;
  } else if (!state_.take_from_own_callback()) {
    state_.wait_in(state_.new_calls, lock);
  }
}

ComputeSlots::Turn::~Turn() {
  if (!process_.is_here()) return;  // the parent's
  const std::scoped_lock lock(state_.mutex);
  if (!has_slot_) return;
  state_.end_loan(*this);
  state_.pass_on();
}

void ComputeSlots::Turn::lend() {
  const std::scoped_lock lock(state_.mutex);
  state_.lent.push_back({this, std::this_thread::get_id(), Clock::now()});
}

void ComputeSlots::Turn::take_back() {
  std::unique_lock lock(state_.mutex);
  if (has_slot_) return state_.end_loan(*this);
  if (state_.free > 0) {
    --state_.free;
  } else {
    state_.wait_in(state_.back_from_callbacks, lock);
  }
  has_slot_ = true;
}

std::size_t ComputeSlots::waiting() {
  State& state = state_.get();
  const std::scoped_lock lock(state.mutex);
  return state.back_from_callbacks.size() + state.new_calls.size();
}

// The first in line looks from time to time whether a callback takes long: to be told of each callback, one for each
// layer, it would have to be woken as often.
void ComputeSlots::State::wait_in(std::deque<Waiter*>& line, std::unique_lock<std::mutex>& lock) {
  Waiter self;
  line.push_back(&self);
  while (!self.has_turn) {
    if (!is_first(self)) {
      self.wake.wait(lock);
    } else if (take_from_long_callback()) {
      line.pop_front();
      return wake_first();
    } else {
      self.wake.wait_for(lock, patience);
    }
  }
}

bool ComputeSlots::State::is_first(const Waiter& waiter) const {
  return (back_from_callbacks.empty() ? new_calls : back_from_callbacks).front() == &waiter;
}

// A callback that computes would wait for itself.
bool ComputeSlots::State::take_from_own_callback() {
  const auto own = std::ranges::find(lent, std::this_thread::get_id(), &Lent::thread);
  if (own == lent.end()) return false;
  own->turn->has_slot_ = false;
  lent.erase(own);
  return true;
}

bool ComputeSlots::State::take_from_long_callback() {
  if (lent.empty() || Clock::now() - lent.front().since < patience) return false;
  lent.front().turn->has_slot_ = false;
  lent.pop_front();
  return true;
}

void ComputeSlots::State::end_loan(const Turn& turn) {
  std::erase_if(lent, [&](const Lent& one) { return one.turn == &turn; });
}

// A turn that has ended is the next one's.
void ComputeSlots::State::pass_on() {
  auto& line = back_from_callbacks.empty() ? new_calls : back_from_callbacks;
  if (line.empty()) {
    ++free;
    return;
  }
  line.front()->has_turn = true;
  line.front()->wake.notify_one();
  line.pop_front();
  wake_first();
}

// Whoever has become the first in line begins to look.
void ComputeSlots::State::wake_first() {
  auto& line = back_from_callbacks.empty() ? new_calls : back_from_callbacks;
  if (!line.empty()) line.front()->wake.notify_one();
}

}  // namespace bgem3
