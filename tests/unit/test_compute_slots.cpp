#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "model/compute_slots.h"
#include "support/in_child.h"

using namespace bgem3;
using namespace std::chrono_literals;

namespace {

constexpr auto never = 1h;  // patience of those who must be told

void wait_for_line(ComputeSlots& slots, std::size_t waiting) {
  while (slots.waiting() < waiting) std::this_thread::yield();
}

// Threads that take a turn each, one after the other in line, and note in which order they had it.
class Line {
 public:
  explicit Line(ComputeSlots& slots) : slots_(slots) {}

  void join(const std::string& name) {
    const std::size_t before = slots_.waiting();
    threads_.emplace_back([this, name] {
      const ComputeSlots::Turn turn(slots_);
      const std::scoped_lock lock(mutex_);
      order_ += name;
    });
    wait_for_line(slots_, before + 1);
  }

  std::string order() {
    threads_.clear();  // joins
    return order_;
  }

 private:
  ComputeSlots& slots_;
  std::mutex mutex_;
  std::string order_;
  std::vector<std::jthread> threads_;
};

}  // namespace

TEST_CASE("turns are had in the order they were asked for") {
  ComputeSlots slots(1, never);
  auto first = std::make_unique<ComputeSlots::Turn>(slots);
  Line line(slots);
  for (const char* name : {"a", "b", "c", "d", "e"}) line.join(name);
  first.reset();
  CHECK(line.order() == "abcde");
}

TEST_CASE("no more calls than the bound compute at the same time, and all get their turns") {
  for (const unsigned bound : {1U, 2U, 3U}) {
    ComputeSlots slots(bound, 100us);
    std::atomic<unsigned> now = 0, most = 0, turns = 0;
    const auto compute = [&] {
      const unsigned with_this = ++now;
      for (unsigned known = most; known < with_this && !most.compare_exchange_weak(known, with_this);) {
      }
      std::this_thread::sleep_for(20us);
      --now;
    };
    const auto call = [&](int thread) {
      for (int i = 0; i < 50; ++i, ++turns) {
        ComputeSlots::Turn turn(slots);
        compute();
        turn.lend();
        if ((i + thread) % 7 == 0) std::this_thread::sleep_for(300us);  // others take the turn meanwhile
        turn.take_back();
        compute();
      }
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) threads.emplace_back(call, thread);
    for (auto& thread : threads) thread.join();
    CHECK(turns == 8 * 50);
    CHECK(most == bound);
    CHECK(slots.waiting() == 0);
  }
}

TEST_CASE("an exception gives the turn back, also one of a callback") {
  ComputeSlots slots(1, never);
  for (const bool in_callback : {false, true}) {
    try {
      ComputeSlots::Turn turn(slots);
      if (in_callback) turn.lend();
      throw std::runtime_error("no");
    } catch (const std::runtime_error&) {
    }
    auto next = std::async(std::launch::async, [&] { const ComputeSlots::Turn turn(slots); });
    CHECK(next.wait_for(10s) == std::future_status::ready);
  }
}

TEST_CASE("a callback may take a turn itself, at once and as deep as it likes") {
  ComputeSlots slots(1, never);
  ComputeSlots::Turn outer(slots);
  outer.lend();
  {
    ComputeSlots::Turn middle(slots);
    middle.lend();
    { const ComputeSlots::Turn inner(slots); }
    middle.take_back();
  }
  outer.take_back();
  CHECK(slots.waiting() == 0);
}

TEST_CASE("a callback may wait for the turn of another thread") {
  ComputeSlots slots(1, 1ms);
  ComputeSlots::Turn turn(slots);
  turn.lend();
  std::async(std::launch::async, [&] { const ComputeSlots::Turn other(slots); }).get();
  turn.take_back();
  CHECK(slots.waiting() == 0);
}

TEST_CASE("a short callback keeps its turn, with others in line") {
  ComputeSlots slots(1, never);
  auto turn = std::make_unique<ComputeSlots::Turn>(slots);
  Line line(slots);
  line.join("a");
  for (int layer = 0; layer < 1000; ++layer) {
    turn->lend();
    turn->take_back();
  }
  CHECK(slots.waiting() == 1);
  turn.reset();
  CHECK(line.order() == "a");
}

TEST_CASE("whoever comes back from a callback goes before those that have not begun") {
  ComputeSlots slots(1, 1ms);
  std::atomic<bool> lent = false, taken = false, callback_ends = false;
  std::string order;
  std::jthread calling([&] {
    ComputeSlots::Turn turn(slots);
    turn.lend();
    lent = true;
    while (!callback_ends) std::this_thread::yield();
    turn.take_back();
    order += "back ";
  });
  while (!lent) std::this_thread::yield();
  std::atomic<bool> release = false;
  std::jthread thief([&] {
    const ComputeSlots::Turn turn(slots);
    taken = true;
    while (!release) std::this_thread::yield();
  });
  while (!taken) std::this_thread::yield();
  std::jthread newcomer([&] {
    const ComputeSlots::Turn turn(slots);
    order += "new";
  });
  wait_for_line(slots, 1);
  callback_ends = true;
  wait_for_line(slots, 2);
  release = true;
  for (auto* thread : {&calling, &thief, &newcomer}) thread->join();
  CHECK(order == "back new");
}

#ifndef __SANITIZE_THREAD__  // which ends a child that has threads
TEST_CASE("a forked child has all turns, whatever its parent's threads have") {
  ComputeSlots slots(1, never);
  std::optional<ComputeSlots::Turn> held(std::in_place, slots);
  Line line(slots);
  line.join("a");
  CHECK(test::in_child([&] {
    { const ComputeSlots::Turn turn(slots); }
    held.reset();  // the parent's: gives nothing back here
    { const ComputeSlots::Turn turn(slots); }
    return slots.waiting() == 0;
  }));
  held.reset();
  CHECK(line.order() == "a");
}
#endif
