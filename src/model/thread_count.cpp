#include "model/thread_count.h"

#include <pthread.h>
#include <unistd.h>

#if __has_include(<sys/single_threaded.h>)  // glibc 2.32
#include <sys/single_threaded.h>
#endif

#include <atomic>

#include <ATen/Parallel.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/process_mark.h"

namespace bgem3 {
namespace {

const ProcessMark loaded_in;

bool has_had_threads() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded == 0;
#else
  return true;
#endif
}

// Whether this process, or one that it descends from, has forked when it had had threads, a team of OpenMP's perhaps.
std::atomic<bool> threads_were_left = false;
[[maybe_unused]] const int watching = ::pthread_atfork(
    [] {
      if (has_had_threads()) threads_were_left = true;
    },
    nullptr, nullptr);

}  // namespace

// Whether LibTorch is asked first makes a difference: a thread's first call of it sets the number.
ThreadCount::ThreadCount(unsigned threads) : threads_(static_cast<int>(threads)) {
  if (threads_ == 0) return;
  (void)of_libtorch();
#ifdef _OPENMP
  before_ = omp_get_max_threads();
#endif
  set();
}

void ThreadCount::restore() noexcept {
#ifdef _OPENMP
  if (threads_ != 0) omp_set_num_threads(before_);
#endif
}

void ThreadCount::set() noexcept {
#ifdef _OPENMP
  if (threads_ != 0) omp_set_num_threads(threads_);
#endif
}

// In a forked child, the thread that forked is the first.
unsigned ThreadCount::usable(unsigned threads) {
  const bool has_lost_team = threads_were_left && !loaded_in.is_here() && ::gettid() == ::getpid();
  return has_lost_team ? 1 : threads;
}

unsigned ThreadCount::of_libtorch() { return static_cast<unsigned>(at::get_num_threads()); }

}  // namespace bgem3
