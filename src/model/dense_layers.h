#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/config.h"
#include "bgem3/families/placement.h"
#include "bgem3/layers/linear.h"
#include "model/activations.h"
#include "model/weight_files.h"

namespace bgem3 {

/// What lies between pooling and the dense vector, in float32: activation(linear(x)), plus x or a projection of it.
struct DenseProjection {
  Linear linear;
  ActivationFunction activation;
  bool normalize_input = false;
  bool has_residual = false;
  std::optional<Linear> residual;  // without it, the input itself is added
};

/// Loads the weights of a Dense module of sentence-transformers.
/// @throws Error bad_model, naming file and tensor
DenseProjection load_dense_layer(const std::filesystem::path& directory, const DenseLayer& layer,
                                 const Placement& placement, WeightFiles& files);

/// pooled [B, in], of any dtype → float32 [B, out]
at::Tensor project(const at::Tensor& pooled, const std::vector<DenseProjection>& layers);

}  // namespace bgem3
