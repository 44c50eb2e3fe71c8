#include "server/admission.h"

#include <utility>
#include <vector>

namespace bgem3::server {

bool Admission::enter(const std::shared_ptr<Place>& place, std::function<void()> begin) {
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t room = working_max_ - working_;  // of which those that are about to begin take some
    if (waiting_.size() >= room && waiting_.size() - room >= waiting_max_) return false;
    place->in_queue_ = waiting_.insert(waiting_.end(), place);
    place->begin_ = std::move(begin);
    place->state_ = Place::State::waiting;
  }
  begin_all();
  return true;
}

void Admission::clear() {
  std::vector<std::function<void()>> forgotten;
  std::list<std::shared_ptr<Place>> places;  // both are destroyed when the mutex is free
  const std::scoped_lock lock(mutex_);
  for (const auto& place : waiting_) {
    place->state_ = Place::State::gone;
    forgotten.push_back(std::exchange(place->begin_, nullptr));
  }
  places.swap(waiting_);
}

std::size_t Admission::working() const {
  const std::scoped_lock lock(mutex_);
  return working_;
}

std::size_t Admission::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

// The first that waits, which works from now on; null when there is none, or no room.
std::shared_ptr<Admission::Place> Admission::next() {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty() || working_ >= working_max_) {
    is_beginning_ = false;
    return nullptr;
  }
  auto place = std::move(waiting_.front());
  waiting_.pop_front();
  place->state_ = Place::State::working;
  ++working_;
  return place;
}

// One thread at a time, and never within itself: who begins may leave at once, and two thousand calls within each other
// would take the stack.
void Admission::begin_all() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(is_beginning_, true)) return;
  }
  while (const auto place = next()) std::exchange(place->begin_, nullptr)();
}

void Admission::Place::leave() noexcept { (void)leave_if(/*may_work=*/true); }

bool Admission::Place::stop_waiting() noexcept { return leave_if(/*may_work=*/false); }

bool Admission::Place::is_waiting() const {
  const std::scoped_lock lock(admission_.mutex_);
  return state_ == State::waiting;
}

bool Admission::Place::leave_if(bool may_work) noexcept {
  std::shared_ptr<Place> self;  // both are destroyed when the mutex is free
  std::function<void()> not_begun;
  {
    const std::scoped_lock lock(admission_.mutex_);
    if (state_ == State::waiting) {
      self = std::move(*in_queue_);
      admission_.waiting_.erase(in_queue_);
      not_begun = std::exchange(begin_, nullptr);
    } else if (state_ == State::working && may_work) {
      --admission_.working_;
    } else {
      return false;
    }
    state_ = State::gone;
  }
  admission_.begin_all();
  return true;
}

}  // namespace bgem3::server
