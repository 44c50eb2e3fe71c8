#include "support/doctest_torch.h"

#include <latch>
#include <string>
#include <thread>

#include <c10/util/Exception.h>

#include "model/errors.h"
#include "model/run_state.h"
#include "pipeline/call_runner.h"

using namespace bgem3;

// Handling of GPU memory, as far as it can be tested without a GPU.

TEST_CASE("what counts as exhausted memory") {
  const auto counts = [](const std::string& what) {
    return is_out_of_memory(c10::Error(c10::SourceLocation{__func__, __FILE__, __LINE__}, what));
  };
  CHECK(counts("CUDA error: out of memory"));
  CHECK(counts("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"));
  CHECK(counts("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"));
  CHECK(counts("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"));
  CHECK_FALSE(counts("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasGemmEx(...)`"));
  CHECK_FALSE(counts("CUDA error: an illegal memory access was encountered"));
  CHECK_FALSE(counts("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`"));
}

TEST_CASE("a thread gets the stream that it had last") {
  StreamPool pool(at::kCPU);
  const BatchGraphs* of_this = nullptr;
  const BatchGraphs* of_other = nullptr;
  std::latch both_have_one(2), this_gave_back(1);
  std::thread other([&] {
    const StreamPool::Lease lease(pool);
    of_other = &lease.graphs();
    both_have_one.arrive_and_wait();
    this_gave_back.wait();
  });
  {
    const StreamPool::Lease lease(pool);
    of_this = &lease.graphs();
    both_have_one.arrive_and_wait();
  }
  this_gave_back.count_down();
  other.join();
  // The other's was given back last, and would be taken first.
  CHECK(of_this != of_other);
  const StreamPool::Lease again(pool);
  CHECK(&again.graphs() == of_this);
  const StreamPool::Lease second(pool);
  CHECK(&second.graphs() == of_other);
}

TEST_CASE("a batch on a GPU has no more texts than a grid has rows") {
  CHECK(choose_batch_texts(0, true) == 65535);
  CHECK(choose_batch_texts(65536, true) == 65535);
  CHECK(choose_batch_texts(12, true) == 12);
  CHECK(choose_batch_texts(0, false) == 256);
  CHECK(choose_batch_texts(100'000, false) == 100'000);
}
