#include "kernels/cuda/launch.cuh"

namespace bgem3::cuda {
namespace {

template <int width, typename T>
__global__ void quantize_rows(const QuantizeRows work) {
  const std::int64_t row = row_of_warp();
  if (row >= work.rows) return;
  quantize_row<width>(WarpLane(), work.size, PlainRow<width, T>{static_cast<const T*>(work.input) + row * work.size},
                      float8_row(work, row, work.size));
}

template <int width, typename T>
__global__ void gelu_quantize_rows(const GeluQuantizeRows work) {
  const std::int64_t row = blockIdx.x;
  quantize_row<width>(WideBlockLane(), work.size,
                      GeluOfRow<width, T>{static_cast<const T*>(work.input) + row * work.size},
                      float8_row(work, row, work.size));
}

}  // namespace

void launch(const QuantizeRows& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(element, {work.size}, {work.input, work.values}, [&](auto zero, auto width) {
    launch_kernel(quantize_rows<decltype(width)::value, decltype(zero)>, shape_of_rows(block_count(work.rows)), stream,
                  work);
  });
}

void launch(const GeluQuantizeRows& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(element, {work.size}, {work.input, work.values}, [&](auto zero, auto width) {
    launch_kernel(gelu_quantize_rows<decltype(width)::value, decltype(zero)>,
                  shape_of_rows(static_cast<unsigned>(work.rows)), stream, work);
  });
}

}  // namespace bgem3::cuda
