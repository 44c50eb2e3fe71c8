#include "model/dense_layers.h"

#include <utility>

#include <ATen/ops/zeros.h>

#include "bgem3/detail/message.h"
#include "bgem3/families/weight_binder.h"
#include "bgem3/layers/pooling.h"
#include "bgem3/tensors/checkpoint.h"

namespace bgem3 {
namespace {

// Takes the tensors of one linear layer out of those of the module. One without bias gets zeros.
Linear take_linear(TensorMap& tensors, const std::string& prefix, int64_t out, int64_t in, bool has_bias,
                   const std::string& file, const Placement& placement) {
  TensorMap own;
  for (auto at = tensors.lower_bound(prefix); at != tensors.end() && at->first.starts_with(prefix);) {
    auto node = tensors.extract(at++);
    own.emplace(node.key().substr(prefix.size()), std::move(node.mapped()));
  }
  if (!has_bias && !own.emplace("bias", at::zeros({out})).second) {
    throw Error(ErrorCode::bad_model, detail::in_quotes(file) + ": tensor '" + prefix +
                                          "bias' is there, but config.json says \"bias\": false");
  }
  return bind_head(own, out, in, file, placement);
}

}  // namespace

DenseProjection load_dense_layer(const std::filesystem::path& directory, const DenseLayer& layer,
                                 const Placement& placement, WeightFiles& files) {
  const std::filesystem::path folder = directory / layer.folder;
  const Checkpoint checkpoint = files.open_directory(folder);
  const std::string file = checkpoint.files().front().string();
  TensorMap tensors = checkpoint.tensors();
  DenseProjection projection{
      .linear = take_linear(tensors, "linear.", layer.out, layer.in, layer.has_bias, file, placement),
      .activation = find_activation(layer.activation, (folder / "config.json").string() + ": activation_function"),
      .normalize_input = layer.normalize_input,
      .has_residual = layer.has_residual,
      .residual = {}};
  if (layer.has_residual && layer.in != layer.out) {
    projection.residual = take_linear(tensors, "residual.", layer.out, layer.in, /*has_bias=*/false, file, placement);
  }
  if (!tensors.empty()) {
    throw Error(ErrorCode::bad_model, detail::in_quotes(file) + ": tensor " +
                                          detail::in_quotes(tensors.begin()->first) + " is none of a Dense module's");
  }
  return projection;
}

at::Tensor project(const at::Tensor& pooled, const std::vector<DenseProjection>& layers) {
  at::Tensor vectors = pooled;
  for (const auto& layer : layers) {
    at::Tensor input = vectors.to(at::kFloat).contiguous();
    if (layer.normalize_input) input = l2_normalize(input);
    vectors = layer.activation(linear(input, layer.linear));
    if (layer.has_residual) vectors = vectors.add(layer.residual ? linear(input, *layer.residual) : input);
  }
  return vectors;
}

}  // namespace bgem3
