#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/warpgroup.cuh"
#include "kernels/cuda/swizzled.cuh"

using namespace bgem3::cuda;

// That the emulator notices what it is there to notice: each kernel here has one fault.

namespace {

void shuffle_of_some_lanes(float* output) {
  if (threadIdx.x % 2 == 0) *output = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

void shuffle_over_two_distances(float* output) {
  *output = __shfl_xor_sync(0xffffffffu, 1.0f, threadIdx.x == 3 ? 1 : 2);
}

void shuffle_beside_a_product(float* output) {
  float sums[4] = {};
  const std::uint32_t a[4] = {};
  if (threadIdx.x < 5) multiply_add<c10::Half>(sums, a, 0, 0);
  *output = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

void shuffle_after_a_lane_left(float* output) {
  if (threadIdx.x == 7) return;
  *output = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

// Each thread takes what its neighbour in the next warp wrote.
void exchange(float* output, float first, bool synchronized) {
  __shared__ float values[128];
  values[threadIdx.x] = first + static_cast<float>(threadIdx.x);
  if (synchronized) __syncthreads();
  output[threadIdx.x] = values[(threadIdx.x + 32) % 128];
}

void wait_for_a_barrier_that_nobody_completes(float* /*output*/) {
  __shared__ std::uint64_t barrier;
  if (threadIdx.x == 0) init_barrier(shared_address(&barrier), 33);
  __syncthreads();
  arrive(shared_address(&barrier));
  wait_for_phase(shared_address(&barrier), 0);
}

// Reads its copy before it is there, unless it waits.
void copy(const float* from, float* output, bool waits) {
  auto* const memory = reinterpret_cast<float*>(launched_shared_memory);
  copy_16_bytes(shared_address(memory + 4 * threadIdx.x), from + 4 * threadIdx.x, true);
  end_copies();
  if (waits) wait_for_copies<0>();
  output[threadIdx.x] = memory[4 * threadIdx.x];
}

void copy_beyond_shared_memory(const float* from) {
  copy_16_bytes(shared_address(launched_shared_memory + 1), from, true);
}

// Two warps at a barrier that is for one.
void share_a_named_barrier(float* /*output*/) { synchronize(1, 32); }

// Of zeros. What is missing leaves the sums NaN, or ends the launch.
void multiply(float* output, bool begins, bool ends) {
  auto* const memory = reinterpret_cast<float*>(launched_shared_memory);
  for (unsigned i = threadIdx.x; i < 6144; i += 128) memory[i] = 0;
  __syncthreads();
  const std::uint64_t rows = describe_swizzled((shared_address(memory) + 1023) / 1024 * 1024);
  float sums[64];
  if (begins) begin_products();
  multiply_rows<c10::Half>(sums, rows, rows, false);
  if (ends) end_products();
  wait_for_products();
  output[threadIdx.x] = sums[0];
}

void do_nothing(int /*unused*/) {}

template <typename... Parameters>
void launch_warps(unsigned warps, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  launch_kernel(kernel, {{1, 1, 1}, {32, warps, 1}, 0}, nullptr, arguments...);
}

}  // namespace

TEST_CASE("threads of a warp that part ways end the launch") {
  float output = 0;
  for (auto* kernel : {shuffle_of_some_lanes, shuffle_over_two_distances, shuffle_beside_a_product,
                       shuffle_after_a_lane_left, wait_for_a_barrier_that_nobody_completes}) {
    CHECK_THROWS_AS(launch_warps(1, kernel, &output), std::logic_error);
  }
  launch_warps(1, do_nothing, 0);  // and the next one runs
}

TEST_CASE("a barrier that is missing shows") {
  const auto is_right = [](float first, bool synchronized) {
    std::vector<float> output(128);
    launch_kernel(exchange, {{1, 1, 1}, {128, 1, 1}, 0}, nullptr, output.data(), first, synchronized);
    bool right = true;
    for (std::size_t i = 0; i < output.size(); ++i) {
      right = right && output[i] == first + static_cast<float>((i + 32) % 128);
    }
    return right;
  };
  CHECK(is_right(1, true));
  CHECK(is_right(2, true));  // in the other order
  CHECK_FALSE(is_right(3, false));
  CHECK_FALSE(is_right(4, false));
}

TEST_CASE("copies are there when they are waited for") {
  alignas(16) float from[128] = {};
  for (int i = 0; i < 128; ++i) from[i] = static_cast<float>(i + 1);
  const auto first_of_lane_3 = [&](bool waits) {
    std::vector<float> output(32);
    launch_kernel(copy, {{1, 1, 1}, {32, 1, 1}, 512}, nullptr, from, output.data(), waits);
    return output[3];
  };
  CHECK(first_of_lane_3(true) == 13);
  CHECK(first_of_lane_3(false) != 13);
}

TEST_CASE("a named barrier is of so many warps") {
  float output = 0;
  CHECK_NOTHROW(launch_warps(1, share_a_named_barrier, &output));
  CHECK_THROWS_AS(launch_warps(2, share_a_named_barrier, &output), std::logic_error);
}

TEST_CASE("products are fenced, and waited for by groups") {
  std::vector<float> output(128);
  const LaunchShape shape{{1, 1, 1}, {128, 1, 1}, 24576};
  launch_kernel(multiply, shape, nullptr, output.data(), true, true);
  CHECK(output == std::vector<float>(128));
  launch_kernel(multiply, shape, nullptr, output.data(), true, false);
  CHECK(output[0] != 0);
  CHECK_THROWS_AS(launch_kernel(multiply, shape, nullptr, output.data(), false, true), std::logic_error);
}

TEST_CASE("launches that the hardware refuses") {
  alignas(16) const float from[4] = {};
  CHECK_THROWS_AS(launch_kernel(do_nothing, {{0, 1, 1}, {32, 1, 1}, 0}, nullptr, 0), std::logic_error);
  CHECK_THROWS_AS(launch_kernel(do_nothing, {{1, 65536, 1}, {32, 1, 1}, 0}, nullptr, 0), std::logic_error);
  CHECK_THROWS_AS(launch_kernel(do_nothing, {{1, 1, 1}, {32, 33, 1}, 0}, nullptr, 0), std::logic_error);
  CHECK_THROWS_AS(launch_kernel(do_nothing, {{1, 1, 1}, {32, 1, 1}, 49153}, nullptr, 0), std::logic_error);
  CHECK_THROWS_AS(launch_kernel(copy_beyond_shared_memory, {{1, 1, 1}, {32, 1, 1}, 16}, nullptr, from),
                  std::logic_error);
  cudaFuncSetAttribute(do_nothing, cudaFuncAttributeMaxDynamicSharedMemorySize, 49153);
  CHECK_NOTHROW(launch_kernel(do_nothing, {{1, 1, 1}, {32, 1, 1}, 49153}, nullptr, 0));
}
