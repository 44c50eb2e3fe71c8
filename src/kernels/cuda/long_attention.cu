#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/fast_exp2.cuh"
#include "kernels/cuda/ptx/tensor_core.cuh"
#include "kernels/cuda/ptx/warpgroup.cuh"
#include "kernels/cuda/swizzled.cuh"

namespace bgem3::cuda {
namespace {

// Attention of long texts on Hopper, for heads of 64. A block has 192 queries of one head of one text: three warpgroups
// with 64 each, which multiply, and one that copies keys and values into shared memory before they are needed. The
// warpgroups run apart, so that one of them keeps the tensor cores busy while another exponentiates, as in
// FlashAttention-3 (arXiv:2407.08608). Softmax goes through the keys once, with the largest score so far.

constexpr int head_size = 64;
constexpr int groups = 3;
constexpr int group_rows = 64;
constexpr int block_rows = groups * group_rows;
constexpr int tile_keys = 128;
constexpr int stages = 3;  // of tiles of keys and values in shared memory
constexpr int tile_bytes = tile_keys * head_size * 2;
constexpr int stage_bytes = 2 * tile_bytes;
constexpr int group_threads = 4 * warp_lanes;
constexpr int block_threads = (groups + 1) * group_threads;
// Of a thread: 512 in all for the four warpgroups.
constexpr int copying_registers = 56;
constexpr int multiplying_registers = 152;
constexpr int query_bytes = group_rows * head_size * 2;                           // of a warpgroup
constexpr int shared_bytes = stages * stage_bytes + groups * query_bytes + 1024;  // begins at a multiple of 1024

#ifdef BGEM3_HAS_WARPGROUPS

/// The part of the work that a block has.
struct Part {
  std::int64_t first_query;
  int queries;  // 64 to a warpgroup; may be more than the block has
  std::int64_t first_key;
  int keys;
  int head;

  __device__ int tiles() const { return (keys + tile_keys - 1) / tile_keys; }
  __device__ int active_groups() const { return min(groups, (queries + group_rows - 1) / group_rows); }
};

__device__ inline Part part_of_block(const LongAttention& work) {
  const int tiles = (work.query_max + block_rows - 1) / block_rows;
  const int tile = static_cast<int>(blockIdx.x) % tiles, rest = static_cast<int>(blockIdx.x) / tiles;
  const int head = rest % work.heads, text = rest / work.heads;
  const std::int64_t first_key = work.key_offsets[text];
  const std::int64_t first_query = work.query_offsets[text] + static_cast<std::int64_t>(tile) * block_rows;
  return {first_query, static_cast<int>(work.query_offsets[text + 1] - first_query), first_key,
          static_cast<int>(work.key_offsets[text + 1] - first_key), head};
}

/// Of each stage: full when keys and values are there, empty when all warps have read them.
struct Barriers {
  std::uint64_t full[stages];
  std::uint64_t empty[stages];
};

/// A ring of stages: which is next, and the parity of its phase.
struct Turn {
  int stage = 0;
  int parity = 0;

  __device__ void advance() {
    if (++stage < stages) return;
    stage = 0;
    parity ^= 1;
  }
};

/// Rows first … first + tile_keys of keys or values, zeros from row `count` on: a weight of zero times what was there
/// before could be NaN.
template <typename T>
__device__ void copy_tile(const T* rows, std::int64_t stride, int first, int count, std::uint32_t to, int rank) {
  constexpr int rows_at_once = group_threads / 8;
  const int part = rank % 8;
  const T* from = rows + (first + rank / 8) * stride + part * 8;
#pragma unroll
  for (int row = rank / 8; row < tile_keys; row += rows_at_once) {
    const bool valid = first + row < count;
    copy_16_bytes(to + row * swizzled_row_bytes + (part ^ row % 8) * 16, valid ? from : rows, valid);
    from += rows_at_once * stride;
  }
}

template <typename T>
__device__ void copy_keys_and_values(const LongAttention& work, const Part& part, std::uint32_t shared,
                                     Barriers& barriers, int rank) {
  const std::int64_t from = part.first_key * work.key_stride + part.head * head_size;
  const T* const keys = static_cast<const T*>(work.key) + from;
  const T* const values = static_cast<const T*>(work.value) + from;
  Turn turn, last;
  for (int tile = 0; tile < part.tiles(); ++tile) {
    wait_for_phase(shared_address(&barriers.empty[turn.stage]), turn.parity ^ 1);  // at once in the first round
    const std::uint32_t to = shared + turn.stage * stage_bytes;
    copy_tile(keys, work.key_stride, tile * tile_keys, part.keys, to, rank);
    copy_tile(values, work.key_stride, tile * tile_keys, part.keys, to + tile_bytes, rank);
    end_copies();
    turn.advance();
    if (tile == 0) continue;
    wait_for_copies<1>();
    arrive(shared_address(&barriers.full[last.stage]));
    last.advance();
  }
  wait_for_copies<0>();
  arrive(shared_address(&barriers.full[last.stage]));
}

/// The softmax of two rows, seen by one of the four lanes that share them.
struct Softmax {
  float largest[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};  // of this lane's weights

  /// Scores to weights, relative to the largest so far. `scale` is what sums so far have to be multiplied with. NaN
  /// stays: its difference to the largest is NaN.
  __device__ void take(float (&scores)[tile_keys / 2], float factor, float (&scale)[2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float now = largest[half];
#pragma unroll
      for (int i = 0; i < tile_keys / 2; i += 4)
        now = fmaxf(now, fmaxf(scores[i + 2 * half], scores[i + 2 * half + 1]));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
      now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
      scale[half] = fast_exp2((largest[half] - now) * factor);
      largest[half] = now;
      const float shift = now * factor;
      float total = 0;
#pragma unroll
      for (int i = 0; i < tile_keys / 2; i += 4) {
        for (int k = i + 2 * half; k < i + 2 * half + 2; ++k) {
          scores[k] = fast_exp2(scores[k] * factor - shift);
          total += scores[k];
        }
      }
      sum[half] = sum[half] * scale[half] + total;
    }
  }

  __device__ float total(int half) const {
    float all = sum[half];
    all += __shfl_xor_sync(0xffffffffu, all, 1);
    return all + __shfl_xor_sync(0xffffffffu, all, 2);
  }
};

/// The 64 queries of a warpgroup to shared memory, zeros from row `count` on.
template <typename T>
__device__ void copy_queries(const T* queries, std::int64_t stride, int count, std::uint32_t to, int rank) {
  const int part = rank % 8;
  for (int row = rank / 8; row < group_rows; row += group_threads / 8) {
    const bool valid = row < count;
    copy_16_bytes(to + row * swizzled_row_bytes + (part ^ row % 8) * 16,
                  queries + (valid ? row * stride : 0) + part * 8, valid);
  }
  end_copies();
  wait_for_copies<0>();
}

template <typename T>
__device__ void attend(const LongAttention& work, const Part& part, std::uint32_t shared, Barriers& barriers) {
  const int lane = static_cast<int>(threadIdx.x) % warp_lanes, warp = static_cast<int>(threadIdx.x) / warp_lanes;
  const int group = warp / 4, first_of_group = group * group_rows;
  const std::uint32_t query_rows = shared + stages * stage_bytes + group * query_bytes;
  copy_queries(static_cast<const T*>(work.query) + (part.first_query + first_of_group) * work.query_stride +
                   part.head * head_size,
               work.query_stride, part.queries - first_of_group, query_rows,
               static_cast<int>(threadIdx.x) % group_threads);
  synchronize(1 + group, group_threads);
  const std::uint64_t queries = describe_swizzled(query_rows);

  Softmax softmax;
  float sums[head_size / 2] = {};
  float scores[tile_keys / 2];
  Turn turn;
  for (int tile = 0; tile < part.tiles(); ++tile) {
    wait_for_phase(shared_address(&barriers.full[turn.stage]), turn.parity);
    const std::uint32_t stage = shared + turn.stage * stage_bytes;
    const std::uint64_t keys = describe_swizzled(stage), values = describe_swizzled(stage + tile_bytes);
    begin_products();
#pragma unroll
    for (int k = 0; k < 4; ++k) multiply_rows<T>(scores, further(queries, k * 32), further(keys, k * 32), k > 0);
    end_products();
    wait_for_products();

    const int left = part.keys - tile * tile_keys;
    if (left < tile_keys) {
#pragma unroll
      for (int i = 0; i < tile_keys / 2; ++i) {
        if (i / 4 * 8 + lane % 4 * 2 + i % 2 >= left) scores[i] = -INFINITY;
      }
    }
    float scale[2];
    softmax.take(scores, work.factor, scale);
#pragma unroll
    for (int i = 0; i < head_size / 2; ++i) sums[i] *= scale[i / 2 % 2];

    std::uint32_t weights[tile_keys / 16][4];
#pragma unroll
    for (int k = 0; k < tile_keys / 16; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) weights[k][i] = pack<T>(scores[8 * k + 2 * i], scores[8 * k + 2 * i + 1]);
    }
    begin_products();
#pragma unroll
    for (int k = 0; k < tile_keys / 16; ++k) {
      multiply_columns<T>(sums, weights[k], further(values, k * 16 * swizzled_row_bytes), true);
    }
    end_products();
    wait_for_products();
    if (lane == 0) arrive(shared_address(&barriers.empty[turn.stage]));
    turn.advance();
  }

  const int row = lane / 4, count = part.queries - warp * 16;  // of this warp, may be none or more than it has
  const std::int64_t first_query = part.first_query + warp * 16;
  const float upper = softmax.total(0), lower = softmax.total(1);
  const std::int64_t stride = static_cast<std::int64_t>(work.heads) * head_size;
  T* const output = static_cast<T*>(work.output) + (first_query + row) * stride + part.head * head_size + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < head_size / 2; i += 4) {
    auto* const to = reinterpret_cast<std::uint32_t*>(output + i * 2);
    auto* const below = reinterpret_cast<std::uint32_t*>(output + 8 * stride + i * 2);
    if (row < count) *to = pack<T>(sums[i] / upper, sums[i + 1] / upper);
    if (row + 8 < count) *below = pack<T>(sums[i + 2] / lower, sums[i + 3] / lower);
  }
}

#endif

template <typename T>
__global__ __launch_bounds__(block_threads, 1) void long_attention(const LongAttention work) {
#ifdef BGEM3_HAS_WARPGROUPS
  __shared__ Barriers barriers;
  const std::uint32_t shared = (shared_address(launched_shared_memory) + 1023) / 1024 * 1024;
  const Part part = part_of_block(work);
  if (part.queries <= 0) return;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < stages; ++stage) {
      init_barrier(shared_address(&barriers.full[stage]), group_threads);
      init_barrier(shared_address(&barriers.empty[stage]), 4 * part.active_groups());
    }
  }
  __syncthreads();
  const int group = static_cast<int>(threadIdx.x) / group_threads;
  if (group == groups) {
    give_up_registers<copying_registers>();
    copy_keys_and_values<T>(work, part, shared, barriers, static_cast<int>(threadIdx.x) % group_threads);
  } else {
    take_registers<multiplying_registers>();
    if (group < part.active_groups()) attend<T>(work, part, shared, barriers);
  }
#endif
}

template <typename T>
void launch_blocks(const LongAttention& work, cudaStream_t stream) {
  const auto tiles = static_cast<unsigned>((work.query_max + block_rows - 1) / block_rows);
  const unsigned blocks = tiles * static_cast<unsigned>(work.heads) * static_cast<unsigned>(work.texts);
  // For each device and so for each launch; what it returns, the launch returns, too.
  cudaFuncSetAttribute(long_attention<T>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  launch_kernel(long_attention<T>, {blocks, block_threads, shared_bytes}, stream, work);
}

}  // namespace

void launch(const LongAttention& work, Element element, cudaStream_t stream) {
  if (work.texts == 0) return;
  element == Element::float16 ? launch_blocks<c10::Half>(work, stream) : launch_blocks<c10::BFloat16>(work, stream);
}

}  // namespace bgem3::cuda
