#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/process_mark.h"
#include "batching/request_queue.h"
#include "support/expect_error.h"
#include "support/in_child.h"

using namespace bgem3;

#ifndef __SANITIZE_THREAD__  // which ends a child that has threads

namespace {

// What a thread may hold or wait in at a fork.
struct Shared {
  std::mutex mutex;
  std::condition_variable wake;
  int value = 0;
};

// Waits for good, as a worker does.
class Waiting {
 public:
  ~Waiting() {
    {
      const std::lock_guard lock(shared_.mutex);
      shared_.value = 1;
    }
    shared_.wake.notify_one();
    thread_.join();
  }

 private:
  Shared shared_;
  std::thread thread_{[this] {
    std::unique_lock lock(shared_.mutex);
    shared_.wake.wait(lock, [this] { return shared_.value == 1; });
  }};
};

}  // namespace

TEST_CASE("a mark knows the process that made it") {
  const ProcessMark mark;
  CHECK(mark.is_here());
  mark.expect_here("thing");
  CHECK(test::in_child([&] {
    return !mark.is_here() && test::is_refused([&] { mark.expect_here("thing"); },
                                               "this thing was made before fork(), and its threads stayed with the "
                                               "parent; make it in the child");
  }));
}

TEST_CASE("an object with a thread is destroyed by the process that made it, and left alone by its child") {
  auto waiting = make_owned_here<Waiting>();
  CHECK(test::in_child([&] {
    waiting.reset();
    return true;
  }));
  waiting.reset();
}

TEST_CASE("a child has an object of its own, whoever holds the lock of its parent's") {
  PerProcess<Shared> shared([] { return std::make_unique<Shared>(); });
  shared.get().value = 5;
  Shared* const before = &shared.get();
  std::atomic<bool> held = false, release = false;
  std::jthread holder([&] {
    const std::lock_guard lock(shared.get().mutex);
    held = true;
    while (!release) std::this_thread::yield();
  });
  while (!held) std::this_thread::yield();
  CHECK(test::in_child([&] {
    const std::lock_guard lock(shared.get().mutex);
    return &shared.get() != before && shared.get().value == 0 && test::in_child([&] {
      const std::lock_guard own(shared.get().mutex);
      return true;
    });
  }));
  release = true;
  CHECK(&shared.get() == before);
}

TEST_CASE("threads of a child that ask at once get the same object") {
  PerProcess<Shared> shared([] { return std::make_unique<Shared>(); });
  for (int i = 0; i < 20; ++i) {
    CHECK(test::in_child([&] {
      std::array<Shared*, 8> found{};
      std::atomic<int> ready = 0;
      {
        std::vector<std::jthread> threads;
        for (auto& one : found) {
          threads.emplace_back([&] {
            ++ready;
            while (ready < 8) std::this_thread::yield();
            one = &shared.get();
          });
        }
      }
      return std::set(found.begin(), found.end()).size() == 1;
    }));
  }
}

TEST_CASE("a queue of the parent's is empty and closed in a child") {
  BatchingOptions options;
  options.batch_tokens = 4096;
  RequestQueue queue(options);
  std::atomic<int> answers = 0;
  const auto make_request = [&] {
    return std::make_shared<QueuedRequest>(
        QueuedTexts{{{0, 5, 2}}, {}}, RequestOptions(), [&](const Outcome&) { ++answers; }, std::chrono::nanoseconds{});
  };
  const auto request = make_request();
  queue.push(request);
  CHECK(test::in_child([&] {
    request->fail(std::make_exception_ptr(Error(ErrorCode::cancelled, "in a child")));
    queue.remove(*request);
    queue.forget_responded();
    queue.close();
    return answers == 0 && queue.take().empty() && !queue.wait_for_late() &&
           test::is_refused([&] { queue.push(make_request()); }, "this queue was made before fork()");
  }));
  CHECK(queue.take().size() == 1);
}

#endif
