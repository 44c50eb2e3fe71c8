#include "cuda/launch.cuh"

namespace bgem3::cuda {
namespace {

template <int width, typename Lane, typename T>
__global__ void add_layer_norm(const AddLayerNorm work) {
  const Lane lane;
  const std::int64_t row = row_of(lane);
  if (row >= work.rows) return;
  const std::int64_t begin = row * work.size;
  const SumOfTwo<width, T> input{static_cast<const T*>(work.hidden) + begin,
                                 static_cast<const T*>(work.residual) + begin};
  layer_norm_row<width>(lane, work.size, work.eps, input, work.weight, work.bias, static_cast<T*>(work.output) + begin);
}

template <int width, typename Lane, typename T, typename Output>
__global__ void embed_layer_norm(const EmbedLayerNorm work) {
  const Lane lane;
  const std::int64_t row = row_of(lane);
  if (row >= work.rows) return;
  const SumOfThree<width, T> input{{static_cast<const T*>(work.word) + work.ids[row] * work.size,
                                    static_cast<const T*>(work.position) + work.position_ids[row] * work.size},
                                   static_cast<const T*>(work.token_type)};
  layer_norm_row<width>(lane, work.size, work.eps, input, work.weight, work.bias,
                        static_cast<Output*>(work.output) + row * work.size);
}

template <typename T, typename Output>
void launch_embed(const EmbedLayerNorm& work, cudaStream_t stream) {
  with_width<T>(
      {work.size}, {work.word, work.position, work.token_type, work.weight, work.bias, work.output}, [&](auto width) {
        with_lanes(work.rows, [&](auto lane, const LaunchShape& shape) {
          launch_kernel(embed_layer_norm<decltype(width)::value, decltype(lane), T, Output>, shape, stream, work);
        });
      });
}

}  // namespace

void launch(const AddLayerNorm& work, Element element, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    with_width<T>({work.size}, {work.hidden, work.residual, work.weight, work.bias, work.output}, [&](auto width) {
      with_lanes(work.rows, [&](auto lane, const LaunchShape& shape) {
        launch_kernel(add_layer_norm<decltype(width)::value, decltype(lane), T>, shape, stream, work);
      });
    });
  });
}

void launch(const EmbedLayerNorm& work, Element element, bool float32_output, cudaStream_t stream) {
  if (work.rows == 0) return;
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    float32_output ? launch_embed<T, float>(work, stream) : launch_embed<T, T>(work, stream);
  });
}

}  // namespace bgem3::cuda
