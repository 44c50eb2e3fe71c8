#include "model/compute_slots.h"

#include <unistd.h>

#include <algorithm>

namespace bgem3 {

ComputeSlots::ComputeSlots(unsigned count, std::chrono::nanoseconds patience)
    : count_(std::max(1U, count)), patience_(patience), free_(count_), process_(::getpid()) {}

ComputeSlots::Turn::Turn(ComputeSlots& slots) : slots_(slots) {
  std::unique_lock lock(slots_.mutex_);
  slots_.renew_if_forked();
  fork_ = slots_.forks_;
  if (slots_.free_ > 0) {  // then nobody waits
    --slots_.free_;
  } else if (!slots_.take_from_own_callback()) {
    slots_.wait_in(slots_.new_, lock);
  }
}

ComputeSlots::Turn::~Turn() {
  const std::scoped_lock lock(slots_.mutex_);
  slots_.renew_if_forked();
  if (fork_ != slots_.forks_ || !has_slot_) return;
  std::erase_if(slots_.lent_, [this](const Lent& lent) { return lent.turn == this; });
  slots_.pass_on();
}

void ComputeSlots::Turn::lend() {
  const std::scoped_lock lock(slots_.mutex_);
  slots_.lent_.push_back({this, std::this_thread::get_id(), Clock::now()});
}

void ComputeSlots::Turn::take_back() {
  std::unique_lock lock(slots_.mutex_);
  slots_.renew_if_forked();
  if (fork_ != slots_.forks_) {  // the callback has forked, and this is the child
    fork_ = slots_.forks_;
    has_slot_ = false;
  }
  if (has_slot_) {
    std::erase_if(slots_.lent_, [this](const Lent& lent) { return lent.turn == this; });
    return;
  }
  if (slots_.free_ > 0) {
    --slots_.free_;
  } else {
    slots_.wait_in(slots_.back_from_callbacks_, lock);
  }
  has_slot_ = true;
}

std::size_t ComputeSlots::waiting() {
  const std::scoped_lock lock(mutex_);
  return back_from_callbacks_.size() + new_.size();
}

void ComputeSlots::renew_if_forked() {
  if (process_ == ::getpid()) return;
  process_ = ::getpid();
  ++forks_;
  free_ = count_;
  back_from_callbacks_.clear();
  new_.clear();
  lent_.clear();
}

// The first in line looks from time to time whether a callback takes long: to be told of each callback, one for each
// layer, it would have to be woken as often.
void ComputeSlots::wait_in(std::deque<Waiter*>& line, std::unique_lock<std::mutex>& lock) {
  Waiter self;
  line.push_back(&self);
  while (!self.has_turn) {
    if (!is_first(self)) {
      self.wake.wait(lock);
    } else if (take_from_long_callback()) {
      line.pop_front();
      return wake_first();
    } else {
      self.wake.wait_for(lock, patience_);
    }
  }
}

bool ComputeSlots::is_first(const Waiter& waiter) const {
  return (back_from_callbacks_.empty() ? new_ : back_from_callbacks_).front() == &waiter;
}

// A callback that computes would wait for itself.
bool ComputeSlots::take_from_own_callback() {
  const auto own = std::ranges::find(lent_, std::this_thread::get_id(), &Lent::thread);
  if (own == lent_.end()) return false;
  own->turn->has_slot_ = false;
  lent_.erase(own);
  return true;
}

bool ComputeSlots::take_from_long_callback() {
  if (lent_.empty() || Clock::now() - lent_.front().since < patience_) return false;
  lent_.front().turn->has_slot_ = false;
  lent_.pop_front();
  return true;
}

// A turn that has ended is the next one's.
void ComputeSlots::pass_on() {
  auto& line = back_from_callbacks_.empty() ? new_ : back_from_callbacks_;
  if (line.empty()) {
    ++free_;
    return;
  }
  line.front()->has_turn = true;
  line.front()->wake.notify_one();
  line.pop_front();
  wake_first();
}

// Whoever has become the first in line begins to look.
void ComputeSlots::wake_first() {
  auto& line = back_from_callbacks_.empty() ? new_ : back_from_callbacks_;
  if (!line.empty()) line.front()->wake.notify_one();
}

}  // namespace bgem3
