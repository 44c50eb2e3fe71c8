#include <type_traits>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/tensor_core.cuh"

namespace bgem3::cuda {
namespace {

// Attention of texts that are short enough to keep all scores of a query in registers, so that softmax sees them at
// once. A block has a text and one head or several; a warp has a tile of 16 queries of one head. Keys and values of the
// block's heads lie in shared memory, rows apart by 16 bytes more than they need, so that the eight rows of a matrix
// that ldmatrix reads are in different banks.

constexpr int tile_rows = 16;
constexpr int warps_wanted = 4;
constexpr int shared_bytes_max = 48 * 1024;

template <int head_size>
constexpr int row_elements = head_size + 8;

template <int head_size, int keys>
constexpr int head_bytes = 2 * keys* row_elements<head_size> * 2;  // keys and values of 2 bytes each

/// Rows begin … begin + count of one head to shared memory, the rest up to `rows` as zeros: a weight of zero times what
/// was there before could be NaN.
template <int head_size, int rows, typename T>
__device__ void copy_rows(const T* from, std::int64_t stride, int count, T* to, int rank, int threads) {
  constexpr int width = bytes_at_once / static_cast<int>(sizeof(T));
  constexpr int vectors = head_size / width;
  for (int i = rank; i < rows * vectors; i += threads) {
    const int row = i / vectors, at = i % vectors * width;
    uint4 value = {};
    if (row < count) value = *reinterpret_cast<const uint4*>(from + row * stride + at);
    *reinterpret_cast<uint4*>(to + row * row_elements<head_size> + at) = value;
  }
}

#ifdef BGEM3_HAS_TENSOR_CORES

/// The lane's part of 16 queries, [16, head_size] in tiles of 16 columns; zeros from row `count` on.
template <int head_size, typename T>
__device__ void load_queries(const T* queries, std::int64_t stride, int count, int lane,
                             std::uint32_t (&tiles)[head_size / 16][4]) {
  const int row = lane / 4, column = lane % 4 * 2;
#pragma unroll
  for (int tile = 0; tile < head_size / 16; ++tile) {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
      const int at = row + part % 2 * 8;
      const T* from = queries + at * stride + tile * 16 + part / 2 * 8 + column;
      tiles[tile][part] = at < count ? *reinterpret_cast<const std::uint32_t*>(from) : 0;
    }
  }
}

__device__ inline float max_of_four(float value) {
  value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 1));
  return fmaxf(value, __shfl_xor_sync(0xffffffffu, value, 2));
}

__device__ inline float sum_of_four(float value) {
  value += __shfl_xor_sync(0xffffffffu, value, 1);
  return value + __shfl_xor_sync(0xffffffffu, value, 2);
}

/// Scores [16, keys] of a tile of queries.
template <int head_size, int keys, typename T>
__device__ void multiply_keys(const std::uint32_t (&queries)[head_size / 16][4], const T* key_rows, int lane,
                              float (&scores)[keys / 8][4]) {
#pragma unroll
  for (int two = 0; two < keys / 16; ++two) {
#pragma unroll
    for (int tile = 0; tile < head_size / 16; ++tile) {
      std::uint32_t b[4];
      const int row = two * 16 + lane / 16 * 8 + lane % 8, column = tile * 16 + lane / 8 % 2 * 8;
      load_matrices(b, key_rows + row * row_elements<head_size> + column);
      multiply_add<T>(scores[2 * two], queries[tile], b[0], b[1]);
      multiply_add<T>(scores[2 * two + 1], queries[tile], b[2], b[3]);
    }
  }
}

/// Scores to weights that are not divided by their sum yet. `half` is 0 for row lane / 4, 1 for the row 8 below.
/// Returns the sum. A score of NaN gives NaN: the difference to the largest does.
template <int keys>
__device__ float exponentiate(float (&scores)[keys / 8][4], int count, float factor, int lane, int half) {
  float largest = -INFINITY;
#pragma unroll
  for (int tile = 0; tile < keys / 8; ++tile) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float& score = scores[tile][2 * half + i];
      if (tile * 8 + lane % 4 * 2 + i >= count) score = -INFINITY;
      largest = fmaxf(largest, score);
    }
  }
  largest = max_of_four(largest);
  float sum = 0;
#pragma unroll
  for (int tile = 0; tile < keys / 8; ++tile) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float& score = scores[tile][2 * half + i];
      score = exp2f((score - largest) * factor);
      sum += score;
    }
  }
  return sum_of_four(sum);
}

/// Weights [16, keys] · values [keys, head_size] as sums in float32.
template <int head_size, int keys, typename T>
__device__ void multiply_values(const float (&weights)[keys / 8][4], const T* value_rows, int lane,
                                float (&sums)[head_size / 8][4]) {
#pragma unroll
  for (int tile = 0; tile < keys / 16; ++tile) {
    const auto& left = weights[2 * tile];
    const auto& right = weights[2 * tile + 1];
    const std::uint32_t a[4] = {pack<T>(left[0], left[1]), pack<T>(left[2], left[3]), pack<T>(right[0], right[1]),
                                pack<T>(right[2], right[3])};
#pragma unroll
    for (int two = 0; two < head_size / 16; ++two) {
      std::uint32_t b[4];
      const int row = tile * 16 + lane / 8 % 2 * 8 + lane % 8, column = two * 16 + lane / 16 * 8;
      load_transposed(b, value_rows + row * row_elements<head_size> + column);
      multiply_add<T>(sums[2 * two], a, b[0], b[1]);
      multiply_add<T>(sums[2 * two + 1], a, b[2], b[3]);
    }
  }
}

#endif

template <int head_size, int keys, typename T>
__global__ void short_attention(const ShortAttention work, int heads_of_block) {
#ifdef BGEM3_HAS_TENSOR_CORES
  const int lane = static_cast<int>(threadIdx.x), head_of_block = static_cast<int>(threadIdx.z);
  const int groups = work.heads / heads_of_block;
  const int text = static_cast<int>(blockIdx.x) / groups;
  const int head = static_cast<int>(blockIdx.x) % groups * heads_of_block + head_of_block;
  const std::int64_t first_key = work.key_offsets[text];
  const int count = work.key_offsets[text + 1] - static_cast<int>(first_key);

  T* const key_rows = reinterpret_cast<T*>(launched_shared_memory) + head_of_block * (head_bytes<head_size, keys> / 2);
  T* const value_rows = key_rows + keys * row_elements<head_size>;
  const std::int64_t from = first_key * work.key_stride + head * head_size;
  const int rank = static_cast<int>(threadIdx.y) * warp_lanes + lane,
            threads = static_cast<int>(blockDim.y) * warp_lanes;
  copy_rows<head_size, keys>(static_cast<const T*>(work.key) + from, work.key_stride, count, key_rows, rank, threads);
  copy_rows<head_size, keys>(static_cast<const T*>(work.value) + from, work.key_stride, count, value_rows, rank,
                             threads);
  const std::int64_t first_query = work.query_offsets[text] + static_cast<std::int64_t>(threadIdx.y) * tile_rows;
  const int queries = work.query_offsets[text + 1] - static_cast<int>(first_query);
  std::uint32_t query_tiles[head_size / 16][4];
  load_queries<head_size>(static_cast<const T*>(work.query) + first_query * work.query_stride + head * head_size,
                          work.query_stride, queries, lane, query_tiles);
  __syncthreads();
  if (queries <= 0) return;  // a tile beyond the end of a text that is shorter than the longest

  float scores[keys / 8][4] = {};
  multiply_keys<head_size, keys>(query_tiles, key_rows, lane, scores);
  const float upper = exponentiate<keys>(scores, count, work.factor, lane, 0);
  const float lower = exponentiate<keys>(scores, count, work.factor, lane, 1);
  float sums[head_size / 8][4] = {};
  multiply_values<head_size, keys>(scores, value_rows, lane, sums);

  const int row = lane / 4;
  const std::int64_t stride = static_cast<std::int64_t>(work.heads) * head_size;
  T* const output = static_cast<T*>(work.output) + (first_query + row) * stride + head * head_size + lane % 4 * 2;
#pragma unroll
  for (int tile = 0; tile < head_size / 8; ++tile) {
    auto* const to = reinterpret_cast<std::uint32_t*>(output + tile * 8);
    auto* const below = reinterpret_cast<std::uint32_t*>(output + 8 * stride + tile * 8);
    if (row < queries) *to = pack<T>(sums[tile][0] / upper, sums[tile][1] / upper);
    if (row + 8 < queries) *below = pack<T>(sums[tile][2] / lower, sums[tile][3] / lower);
  }
#endif
}

/// As many heads to a block as make four warps of it, divide the heads and fit into shared memory.
int choose_heads_of_block(int heads, int tiles, int bytes) {
  int chosen = 1;
  while (chosen * 2 * tiles <= warps_wanted && heads % (chosen * 2) == 0 && chosen * 2 * bytes <= shared_bytes_max) {
    chosen *= 2;
  }
  return chosen;
}

template <int head_size, int keys, typename T>
void launch_keys(const ShortAttention& work, cudaStream_t stream) {
  constexpr int bytes = head_bytes<head_size, keys>;
  static_assert(bytes <= shared_bytes_max);
  const int tiles = (work.query_max + tile_rows - 1) / tile_rows;
  const int heads_of_block = choose_heads_of_block(work.heads, tiles, bytes);
  const dim3 block(warp_lanes, static_cast<unsigned>(tiles), static_cast<unsigned>(heads_of_block));
  const auto blocks = static_cast<unsigned>(work.texts) * static_cast<unsigned>(work.heads / heads_of_block);
  launch_kernel(short_attention<head_size, keys, T>, {blocks, block, static_cast<std::size_t>(heads_of_block * bytes)},
                stream, work, heads_of_block);
}

template <int head_size, typename T>
void launch_head(const ShortAttention& work, cudaStream_t stream) {
  if (work.key_max <= 16) return launch_keys<head_size, 16, T>(work, stream);
  if (work.key_max <= 32) return launch_keys<head_size, 32, T>(work, stream);
  launch_keys<head_size, short_attention_keys_max, T>(work, stream);
}

}  // namespace

void launch(const ShortAttention& work, Element element, cudaStream_t stream) {
  if (work.texts == 0) return;
  const auto with_head = [&](auto zero) {
    using T = decltype(zero);
    work.head_size == 32 ? launch_head<32, T>(work, stream) : launch_head<64, T>(work, stream);
  };
  element == Element::float16 ? with_head(c10::Half()) : with_head(c10::BFloat16());
}

}  // namespace bgem3::cuda
