#include "kernels/cuda/launch.cuh"

namespace bgem3::cuda {
namespace {

__device__ NoFloat8 float8_of(const AddLayerNorm& /*work*/, std::int64_t /*row*/) { return {}; }
__device__ Float8Output float8_of(const AddLayerNormQuantize& work, std::int64_t row) {
  return float8_row(work, row, work.size);
}

/// Work: AddLayerNorm or AddLayerNormQuantize.
template <int width, typename Lane, typename T, typename Work>
__global__ void add_layer_norm(const Work work) {
  const Lane lane;
  const std::int64_t row = row_of(lane);
  if (row >= work.rows) return;
  const std::int64_t begin = row * work.size;
  const SumOfTwo<width, T> input{static_cast<const T*>(work.hidden) + begin,
                                 static_cast<const T*>(work.residual) + begin};
  layer_norm_row<width>(lane, work.size, work.eps, input, work.weight, work.bias, static_cast<T*>(work.output) + begin,
                        float8_of(work, row));
}

template <int width, typename Lane, typename T, typename Output>
__global__ void embed_layer_norm(const EmbedLayerNorm work) {
  const Lane lane;
  const std::int64_t row = row_of(lane);
  if (row >= work.rows) return;
  const std::int64_t type = work.type_ids == nullptr ? 0 : work.type_ids[row];
  const SumOfThree<width, T> input{{static_cast<const T*>(work.word) + work.ids[row] * work.size,
                                    static_cast<const T*>(work.position) + work.position_ids[row] * work.size},
                                   static_cast<const T*>(work.token_type) + type * work.size};
  layer_norm_row<width>(lane, work.size, work.eps, input, work.weight, work.bias,
                        static_cast<Output*>(work.output) + row * work.size, NoFloat8());
}

template <typename Work>
void launch_add(const Work& work, const void* float8, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(element, {work.size}, {work.hidden, work.residual, work.weight, work.bias, work.output, float8},
                      [&](auto zero, auto width) {
                        with_lanes(work.rows, [&](auto lane, const LaunchShape& shape) {
                          launch_kernel(add_layer_norm<decltype(width)::value, decltype(lane), decltype(zero), Work>,
                                        shape, stream, work);
                        });
                      });
}

template <int width, typename T, typename Output>
void launch_embed(const EmbedLayerNorm& work, cudaStream_t stream) {
  with_lanes(work.rows, [&](auto lane, const LaunchShape& shape) {
    launch_kernel(embed_layer_norm<width, decltype(lane), T, Output>, shape, stream, work);
  });
}

}  // namespace

void launch(const AddLayerNorm& work, Element element, cudaStream_t stream) {
  launch_add(work, nullptr, element, stream);
}

void launch(const AddLayerNormQuantize& work, Element element, cudaStream_t stream) {
  launch_add(work, work.values, element, stream);
}

void launch(const EmbedLayerNorm& work, Element element, bool float32_output, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type_and_width(
      element, {work.size}, {work.word, work.position, work.token_type, work.weight, work.bias, work.output},
      [&](auto zero, auto width) {
        using T = decltype(zero);
        constexpr int at_once = decltype(width)::value;
        float32_output ? launch_embed<at_once, T, float>(work, stream) : launch_embed<at_once, T, T>(work, stream);
      });
}

}  // namespace bgem3::cuda
