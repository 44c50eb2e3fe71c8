#include "kernels/cuda/launch.cuh"

namespace bgem3::cuda {
namespace {

template <int width, typename T>
__global__ void truncate_normalize(const TruncateNormalize work) {
  const std::int64_t row = row_of_warp();
  if (row >= work.rows) return;
  const std::int64_t from = work.index == nullptr ? row : work.index[row];
  const WarpLane lane;
  const bool finite = truncate_normalize_row<width>(lane, work.size, work.normalize,
                                                    static_cast<const T*>(work.hidden) + from * work.stride,
                                                    work.output + row * work.size);
  // Rows that write at the same time write the same.
  if (!finite && lane.rank() == 0) *work.non_finite = 1;
}

template <int width, typename T>
__global__ void token_weights(const TokenWeights work) {
  const std::int64_t row = row_of_warp();
  if (row >= work.rows) return;
  const WarpLane lane;
  const float weight = token_weight_row<width>(lane, work.size, static_cast<const T*>(work.hidden) + row * work.size,
                                               work.weight, *work.bias);
  if (lane.rank() != 0) return;
  work.output[row] = weight > 0 ? weight : 0;
  if (!is_finite(weight)) *work.non_finite = 1;
}

}  // namespace

void launch(const TruncateNormalize& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(element, {work.size, work.stride}, {work.hidden, work.output}, [&](auto zero, auto width) {
    launch_kernel(truncate_normalize<decltype(width)::value, decltype(zero)>, shape_of_rows(block_count(work.rows)),
                  stream, work);
  });
}

void launch(const TokenWeights& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(element, {work.size}, {work.hidden, work.weight}, [&](auto zero, auto width) {
    launch_kernel(token_weights<decltype(width)::value, decltype(zero)>, shape_of_rows(block_count(work.rows)), stream,
                  work);
  });
}

}  // namespace bgem3::cuda
