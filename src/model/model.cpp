#include "model/model.h"

#include <c10/core/ScalarType.h>
#include <fmt/format.h>

#include "bgem3/checkpoint.h"
#include "bgem3/linear.h"
#include "model/execution.h"

namespace bgem3 {
namespace {

namespace fs = std::filesystem;

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat: return "float32";
    case at::kHalf: return "float16";
    case at::kBFloat16: return "bfloat16";
    default: return c10::toString(dtype);
  }
}

// The dtype of the weights in the file; one word embedding stands for all, mixed files do not occur in practice.
std::string stored_dtype(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with("word_embeddings.weight")) return dtype_name(tensor.scalar_type());
  }
  return "unknown";
}

// A head is optional: a plain dense model has none.
std::optional<Linear> load_head(const fs::path& file, int64_t out, int64_t in, const Placement& placement) {
  if (!fs::exists(file)) return std::nullopt;
  const Checkpoint checkpoint = Checkpoint::open(file);
  return bind_head(checkpoint.tensors(), out, in, file.string(), placement);
}

struct Size {
  int64_t parameters = 0;
  int64_t bytes = 0;

  void add(const at::Tensor& tensor) {
    parameters += tensor.numel();
    bytes += tensor.numel() * static_cast<int64_t>(tensor.itemsize());
  }
  void add(const Linear& linear) {
    if (linear.int8) {
      for (const auto* tensor : {&linear.int8->values, &linear.int8->scale, &linear.int8->offset, &linear.int8->bias}) {
        add(*tensor);
      }
    } else {
      add(linear.weight);
      add(linear.bias);
    }
  }
  void add(const LayerNorm& norm) {
    add(norm.weight);
    add(norm.bias);
  }
};

Size measure(const Model& model) {
  Size size;
  const auto& input = model.encoder.input;
  for (const auto* tensor : {&input.word, &input.position, &input.token_type}) size.add(*tensor);
  size.add(input.norm);
  for (const auto& layer : model.encoder.layers) {
    for (const auto* linear : linear_layers(layer)) size.add(*linear);
    size.add(layer.attention.norm);
    size.add(layer.feed_forward.norm);
  }
  for (const auto* head : {&model.sparse_linear, &model.colbert_linear}) {
    if (*head) size.add(**head);
  }
  if (model.classification_head) {
    size.add(model.classification_head->dense);
    size.add(model.classification_head->output);
  }
  return size;
}

// Takes the tensors of the classification head out of a checkpoint.
TensorMap split_off_classifier(TensorMap& tensors) {
  TensorMap head;
  for (auto at = tensors.lower_bound("classifier."); at != tensors.end() && at->first.starts_with("classifier.");) {
    head.insert(tensors.extract(at++));
  }
  return head;
}

void bind_weights(Model& model, TensorMap tensors, const Placement& placement, ModelKind kind) {
  if (kind == ModelKind::reranker) {
    model.classification_head = bind_classification_head(model.info.config, split_off_classifier(tensors), placement);
  }
  model.encoder = bind_encoder_weights(model.info.config, tensors, placement);
}

// Copies the large matrices into the layout that multiplies fastest. The mapped originals are read for that once; one
// layer at a time they leave memory again.
void prepack_layers(Model& model, const Checkpoint& checkpoint, Dtype dtype) {
  const bool halves = dtype == Dtype::bfloat16 || (dtype == Dtype::int8 && processor_has(Dtype::bfloat16));
  model.encoder.hidden_dtype = halves ? at::kBFloat16 : at::kFloat;
  for (auto& layer : model.encoder.layers) {
    prepack(layer, dtype);
    checkpoint.release_pages();
  }
  if (model.colbert_linear) prepack(*model.colbert_linear);
}

}  // namespace

Model load_model(const fs::path& directory, const LoadOptions& options, ModelKind kind) {
  const Execution execution = choose_execution(options);
  const Placement placement{execution.device, at::kFloat};
  Model model;
  ModelInfo& info = model.info;
  info.directory = directory;
  info.config = read_model_config(directory);
  info.config.pooling = options.pooling.value_or(info.config.pooling);

  const Checkpoint checkpoint = Checkpoint::open_directory(directory);
  info.weight_files = checkpoint.files();
  info.stored_dtype = stored_dtype(checkpoint.tensors());
  try {
    bind_weights(model, checkpoint.tensors(), placement, kind);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("model directory '{}': {}", directory.string(), error.what()));
  }

  const fs::path sparse_file = directory / "sparse_linear.pt";
  const fs::path colbert_file = directory / "colbert_linear.pt";
  model.sparse_linear = load_head(sparse_file, 1, info.config.hidden_size, placement);
  model.colbert_linear = load_head(colbert_file, -1, info.config.hidden_size, placement);
  if (model.sparse_linear) info.sparse_file = sparse_file;
  if (model.colbert_linear) {
    info.colbert_file = colbert_file;
    info.colbert_size = model.colbert_linear->weight.size(0);
  }

  info.parameters = measure(model).parameters;
  if (options.prepack) prepack_layers(model, checkpoint, execution.dtype);
  info.weight_bytes = measure(model).bytes;
  info.dtype = to_string(execution.dtype);
  info.device = options.device;
  return model;
}

}  // namespace bgem3
