#include <c10/util/Float8_e4m3fn.h>

#include "cuda/launch.cuh"

namespace bgem3::cuda {
namespace {

template <int width, typename T>
__global__ void quantize_rows(const QuantizeRows work) {
  const std::int64_t row = row_of_warp();
  if (row >= work.rows) return;
  const WarpLane lane;
  const std::int64_t begin = row * work.size;
  const float scale = quantize_row<width>(lane, work.size, static_cast<const T*>(work.input) + begin,
                                          static_cast<c10::Float8_e4m3fn*>(work.output) + begin);
  if (lane.rank() == 0) work.scale[row] = scale;
}

}  // namespace

void launch(const QuantizeRows& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    with_width<T>({work.size}, {work.input, work.output}, [&](auto width) {
      launch_kernel(quantize_rows<decltype(width)::value, T>, shape_of_rows(block_count(work.rows)), stream, work);
    });
  });
}

}  // namespace bgem3::cuda
