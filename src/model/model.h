#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "bgem3/bgem3.h"
#include "bgem3/families/encoder.h"
#include "bgem3/layers/heads.h"
#include "model/dense_layers.h"
#include "model/execution.h"
#include "model/run_state.h"
#include "model/weight_files.h"

namespace bgem3 {

/// The loaded parts of a model directory that hold tensors, and what is to be told about them. Immutable after load,
/// but for `state`.
struct Model {
  std::shared_ptr<const Encoder> encoder;
  at::ScalarType hidden_dtype = at::kFloat;  // of the hidden states between layers
  std::optional<Linear> sparse_linear;       // [1, D]
  std::optional<Linear> colbert_linear;      // [C, D]
  std::optional<ClassificationHead> classification_head;
  std::vector<DenseProjection> dense_layers;      // after pooling
  ActivationFunction score_activation = nullptr;  // with the classification head
  ModelInfo info;                                 // all but tokenizer_file
  Execution execution{at::kCPU, Dtype::float32, 0, 1};
  std::shared_ptr<const WeightFiles> files;
  std::shared_ptr<RunState> state;
};

/// `execution` is what `options` ask for, `config` what the directory's files say.
/// @throws Error as Embedder::load and Reranker::load do
Model load_model(const std::filesystem::path& directory, const LoadOptions& options, const Execution& execution,
                 const ModelConfig& config, ModelKind kind);

}  // namespace bgem3
