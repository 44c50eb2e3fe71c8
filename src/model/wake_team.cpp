#include "model/wake_team.h"

#if defined(_OPENMP) && defined(__linux__)

#include <omp.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/clock.h"

namespace bgem3 {
namespace {

constexpr int threads_max = 64;  // those beyond are left to Linux

// Of the calling thread.
struct Team {
  std::array<pid_t, threads_max> threads{};  // its other ones, by number; 0: not met yet
  Clock::time_point busy_until;
};
thread_local Team team;

// Its id may have gone to a thread of another process since it ended.
bool is_ours(pid_t thread) noexcept { return ::tgkill(::getpid(), thread, 0) == 0; }

// While it lives, a thread may run on all of its processors but one.
class KeptOff {
 public:
  KeptOff(pid_t thread, int processor) noexcept : thread_(thread) {
    if (::sched_getaffinity(thread, sizeof before_, &before_) != 0) return;
    cpu_set_t others = before_;
    CPU_CLR(processor, &others);
    const bool is_other = CPU_COUNT(&others) != 0 && !CPU_EQUAL(&others, &before_);
    is_kept_ = is_other && ::sched_setaffinity(thread, sizeof others, &others) == 0;
  }
  KeptOff(const KeptOff&) = delete;
  KeptOff& operator=(const KeptOff&) = delete;
  ~KeptOff() {
    if (is_kept_) (void)::sched_setaffinity(thread_, sizeof before_, &before_);
  }

 private:
  pid_t thread_;
  cpu_set_t before_{};
  bool is_kept_ = false;
};

}  // namespace

void wake_team() noexcept {
  constexpr std::chrono::milliseconds still_awake(1);  // libgomp's threads spin longer, unless told otherwise
  const int count = std::min(omp_get_max_threads(), threads_max), processor = ::sched_getcpu();
  if (count < 2 || processor < 0 || Clock::now() - team.busy_until < still_awake) return;
  std::array<std::optional<KeptOff>, threads_max> kept_off;
  for (int thread = 1; thread < count; ++thread) {
    const auto i = static_cast<std::size_t>(thread);
    if (team.threads[i] != 0 && is_ours(team.threads[i])) kept_off[i].emplace(team.threads[i], processor);
  }
  auto& threads = team.threads;  // the caller's: within the region `team` is that of each thread
#pragma omp parallel default(none) shared(threads)
  {
    const int thread = omp_get_thread_num();
    if (thread > 0 && thread < threads_max) threads[static_cast<std::size_t>(thread)] = ::gettid();
  }
}

void note_team_busy() noexcept { team.busy_until = Clock::now(); }

}  // namespace bgem3

#else

namespace bgem3 {

void wake_team() noexcept {}
void note_team_busy() noexcept {}

}  // namespace bgem3

#endif
