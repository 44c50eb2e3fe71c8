#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <cuda_runtime_api.h>

#include "kernels/cuda/kernels.h"
#include "kernels/cuda/rows.cuh"

namespace bgem3::cuda {

// Kernels are launched by a function of the CUDA runtime and not by `<<<>>>`, so that every file here is C++, which the
// unit tests compile for the CPU (tests/cuda_emulator).

constexpr int warp_lanes = 32;
constexpr int rows_of_block = 4;

/// How a kernel is launched.
struct LaunchShape {
  dim3 blocks;
  dim3 threads;  // of a block
  std::size_t shared_bytes;
};

/// Queues a kernel on `stream`. An error is left for cudaGetLastError().
template <typename... Parameters>
void launch_kernel(void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
                   std::type_identity_t<Parameters>... arguments) {
  void* pointers[] = {&arguments...};
  cudaLaunchKernel(kernel, shape.blocks, shape.threads, pointers, shape.shared_bytes, stream);
}

extern __shared__ uint4 launched_shared_memory[];  // LaunchShape::shared_bytes of it

/// One lane of the warp that has the row.
struct WarpLane {
  static constexpr int elements_held = 32;
  static constexpr bool reads_ahead = false;

  [[nodiscard]] __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  [[nodiscard]] __device__ int size() const { return warp_lanes; }
  [[nodiscard]] __device__ float sum(float part) const {
    for (int distance = warp_lanes / 2; distance > 0; distance /= 2) {
      part += __shfl_xor_sync(0xffffffffu, part, distance);
    }
    return part;
  }
  [[nodiscard]] __device__ float max(float part) const {
    for (int distance = warp_lanes / 2; distance > 0; distance /= 2) {
      part = fmaxf(part, __shfl_xor_sync(0xffffffffu, part, distance));
    }
    return part;
  }
};

/// One lane of the block that has the row, where rows are too few to keep the GPU busy with a warp each.
struct BlockLane {
  static constexpr int elements_held = 8;
  static constexpr bool reads_ahead = true;

  [[nodiscard]] __device__ int rank() const { return static_cast<int>(threadIdx.y * warp_lanes + threadIdx.x); }
  [[nodiscard]] __device__ int size() const { return warp_lanes * rows_of_block; }
  /// Of all lanes of the block, which have to call it together.
  [[nodiscard]] __device__ float sum(float part) const {
    return of_warps(WarpLane().sum(part), [](float a, float b) { return a + b; });
  }
  [[nodiscard]] __device__ float max(float part) const {
    return of_warps(WarpLane().max(part), [](float a, float b) { return fmaxf(a, b); });
  }

 private:
  template <typename Join>
  [[nodiscard]] __device__ float of_warps(float part, const Join& join) const {
    __shared__ float parts[rows_of_block];
    if (threadIdx.x == 0) parts[threadIdx.y] = part;
    __syncthreads();
    float total = parts[0];
    for (int warp = 1; warp < rows_of_block; ++warp) total = join(total, parts[warp]);
    __syncthreads();  // before the next ones are written
    return total;
  }
};

/// A BlockLane that keeps more of a row in registers, for long rows.
struct WideBlockLane : BlockLane {
  static constexpr int elements_held = 32;
};

/// The row of this warp; one past the last has no work. A warp leaves as a whole, so sum() never waits for a lane.
__device__ inline std::int64_t row_of_warp() {
  return static_cast<std::int64_t>(blockIdx.x) * rows_of_block + threadIdx.y;
}

__device__ inline std::int64_t row_of(const WarpLane& /*lane*/) { return row_of_warp(); }
__device__ inline std::int64_t row_of(const BlockLane& /*lane*/) { return blockIdx.x; }

/// A launch of so many blocks, in which each warp has a row, or all of them share one.
inline LaunchShape shape_of_rows(unsigned blocks) { return {blocks, {warp_lanes, rows_of_block}, 0}; }

inline unsigned block_count(std::int64_t rows) {
  return static_cast<unsigned>((rows + rows_of_block - 1) / rows_of_block);
}

/// Up to so many rows have a block each.
constexpr std::int64_t rows_with_blocks_max = 1024;

/// Calls work(lane, shape) with what shares a row, WarpLane or BlockLane, and the launch for `rows`.
template <typename Work>
void with_lanes(std::int64_t rows, const Work& work) {
  if (rows <= rows_with_blocks_max) return work(BlockLane(), shape_of_rows(static_cast<unsigned>(rows)));
  work(WarpLane(), shape_of_rows(block_count(rows)));
}

/// Where a kernel leaves a row of Float8Rows.
__device__ inline Float8Output float8_row(const Float8Rows& rows, std::int64_t row, int size) {
  return {static_cast<unsigned char*>(rows.values) + row * size, rows.scale + row};
}

inline bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % bytes_at_once == 0; }

/// Calls work(T()) with the C++ type of an element.
template <typename Work>
void with_type(Element element, const Work& work) {
  switch (element) {
    case Element::float32: return work(float());
    case Element::float16: return work(c10::Half());
    case Element::bfloat16: return work(c10::BFloat16());
  }
}

/// Calls work(width) with how many elements of type T move at once, an integral constant: 16 bytes' worth where all
/// sizes and addresses allow it, otherwise one.
template <typename T, typename Work>
void with_width(std::initializer_list<std::int64_t> sizes, std::initializer_list<const void*> pointers,
                const Work& work) {
  constexpr int widest = bytes_at_once / static_cast<int>(sizeof(T));
  bool wide = true;
  for (const auto size : sizes) wide = wide && size % widest == 0;
  for (const auto* pointer : pointers) wide = wide && is_aligned(pointer);
  if (wide) return work(std::integral_constant<int, widest>());
  work(std::integral_constant<int, 1>());
}

/// Calls work(T(), width) with the C++ type of an element, and the width that the others allow.
template <typename Work>
void with_type_and_width(Element element, std::initializer_list<std::int64_t> sizes,
                         std::initializer_list<const void*> pointers, const Work& work) {
  with_type(element,
            [&](auto zero) { with_width<decltype(zero)>(sizes, pointers, [&](auto width) { work(zero, width); }); });
}

}  // namespace bgem3::cuda
