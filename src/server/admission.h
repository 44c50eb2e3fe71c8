#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace bgem3::server {

/// Lets some requests work at a time. Others wait for their turn, in the order in which they came; both numbers have a
/// limit. Any thread.
class Admission {
 public:
  class Place;

  Admission(std::size_t working_max, std::size_t waiting_max) : working_max_(working_max), waiting_max_(waiting_max) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// Calls `begin`, which must not throw, at once or when it is the turn of `place`, on the thread of who made room.
  /// False: as many wait as may.
  [[nodiscard]] bool enter(const std::shared_ptr<Place>& place, std::function<void()> begin);

  /// Forgets those that wait, which then never begin.
  void clear();

  [[nodiscard]] std::size_t working() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  std::shared_ptr<Place> next();
  void begin_all() noexcept;

  const std::size_t working_max_;
  const std::size_t waiting_max_;
  mutable std::mutex mutex_;
  std::size_t working_ = 0;
  bool is_beginning_ = false;
  std::list<std::shared_ptr<Place>> waiting_;
};

/// One request, which takes a place in the queue and then one among those that work, until it leaves or is destroyed.
class Admission::Place {
 public:
  explicit Place(Admission& admission) : admission_(admission) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { leave(); }

  void leave() noexcept;
  /// The same for one that still waits; one that works stays. False: it did not wait.
  bool stop_waiting() noexcept;
  [[nodiscard]] bool is_waiting() const;

 private:
  friend class Admission;
  enum class State { outside, waiting, working, gone };

  bool leave_if(bool may_work) noexcept;

  Admission& admission_;
  State state_ = State::outside;  // this and what follows under the mutex of `admission_`
  std::list<std::shared_ptr<Place>>::iterator in_queue_;
  std::function<void()> begin_;
};

}  // namespace bgem3::server
