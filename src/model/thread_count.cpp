#include "model/thread_count.h"

#include <ATen/Parallel.h>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace bgem3 {

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

unsigned ThreadCount::of_libtorch() { return static_cast<unsigned>(at::get_num_threads()); }

}  // namespace bgem3
