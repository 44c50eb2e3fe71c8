#include <cstdint>
#include <span>
#include <vector>

#include <bgem3/blocks.h>
#include <c10/core/InferenceMode.h>

// Needs, beyond headers, readers and kernels of the library.
long rows_of_encoded_tokens(const char* directory) {
  const c10::InferenceMode no_autograd;
  const auto config = bgem3::read_model_config(directory);
  const auto checkpoint = bgem3::Checkpoint::open_directory(directory);
  auto weights = bgem3::bert::bind(config, checkpoint.tensors());
  for (auto& layer : weights.layers) {
    for (auto* linear : bgem3::bert::linear_layers(layer)) bgem3::pack(*linear);
  }
  const std::vector<std::int32_t> ids = {0, 7, 2};
  const std::vector<std::span<const std::int32_t>> texts = {ids};
  return static_cast<long>(bgem3::bert::encode(bgem3::pack_texts(texts, config), weights, config).size(0));
}
