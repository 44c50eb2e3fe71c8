#include "model/model.h"

#include <algorithm>

#include <c10/core/ScalarType.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/families/weight_binder.h"
#include "bgem3/tensors/checkpoint.h"
#include "config/model_files.h"
#include "families/encoders.h"
#include "file/open_file.h"
#include "model/cuda_device.h"
#include "model/execution.h"
#include "model/graph_shape.h"
#include "model/lora.h"
#include "model/weight_files.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat: return "float32";
    case at::kHalf: return "float16";
    case at::kBFloat16: return "bfloat16";
    default: return c10::toString(dtype);
  }
}

// The dtype of the weights in the file; the largest tensor stands for all, mixed files do not occur in practice.
std::string stored_dtype(const TensorMap& tensors) {
  const auto largest = std::ranges::max_element(tensors, {}, [](const auto& entry) {
    return at::isFloatingType(entry.second.scalar_type()) ? entry.second.numel() : 0;
  });
  return largest == tensors.end() ? "unknown" : dtype_name(largest->second.scalar_type());
}

// `name` of "sparse_linear" or "colbert_linear". The head is optional, as a plain dense model has none, and lies in a
// file of its own, or, in the checkpoints that FlagEmbedding's trainer leaves, beside the encoder: `tensors`. Sets
// `found` to its file.
std::optional<Linear> load_head(const fs::path& directory, const std::string& name, TensorMap& tensors, int64_t out,
                                const ModelInfo& info, const Placement& placement, WeightFiles& files,
                                fs::path& found) {
  const fs::path file = directory / (name + ".pt");
  TensorMap beside = detail::split_off(tensors, name + ".");
  const bool has_file = is_there(file);
  if (!has_file && beside.empty()) return std::nullopt;
  if (has_file && !beside.empty()) {
    throw Error(ErrorCode::bad_model,
                fmt::format("{} has {}.pt and {} among its weights, too; expected one of them", in_quotes(directory),
                            name, detail::in_one_line(beside.begin()->first)));
  }
  found = has_file ? file : info.weight_files.front();
  if (has_file) return bind_head(files.open(file).tensors(), out, info.config.hidden_size, file.string(), placement);
  TensorMap own;
  for (auto& [full_name, tensor] : beside) own.emplace(full_name.substr(name.size() + 1), tensor);
  return bind_head(own, out, info.config.hidden_size, found.string(), placement);
}

struct Size {
  int64_t parameters = 0;
  int64_t bytes = 0;

  void add(const at::Tensor& tensor) {
    parameters += tensor.numel();
    bytes += tensor.numel() * static_cast<int64_t>(tensor.itemsize());
  }
  void add(const Linear& linear) {
    parameters += linear.parameters();
    bytes += linear.weight().bytes();
  }
};

Size measure(const Model& model, Encoder& encoder) {
  Size size;
  for (const auto& tensor : encoder.other_weights()) size.add(tensor);
  for (const auto& layers : encoder.linear_layers()) {
    for (const auto* linear : layers) size.add(*linear);
  }
  for (const auto* head : {&model.sparse_linear, &model.colbert_linear}) {
    if (*head) size.add(**head);
  }
  for (const auto& layer : model.dense_layers) {
    size.add(layer.linear);
    if (layer.residual) size.add(*layer.residual);
  }
  if (model.classification_head) {
    size.add(model.classification_head->dense);
    size.add(model.classification_head->output);
  }
  return size;
}

// For weights that do not fit: the other kind of model, opened by mistake.
std::string advice_on_kind(const TensorMap& tensors, ModelKind kind) {
  const auto head = tensors.lower_bound("classifier.");
  const bool is_reranker = head != tensors.end() && head->first.starts_with("classifier.");
  if (is_reranker && kind == ModelKind::embedder) {
    return "\nThis is a cross-encoder, which judges pairs: open it by Reranker, FlagReranker or CrossEncoder";
  }
  if (!is_reranker && kind == ModelKind::reranker) {
    return "\nThis is no cross-encoder; an embedder is opened by Embedder, EmbeddingModel or BGEM3FlagModel";
  }
  return "";
}

// Heads compute in float32 everywhere.
Placement place_heads(const Execution& execution) { return {execution.device, at::kFloat}; }

// On the CPU weights are bound as they are mapped, and packed afterwards.
Placement place_encoder(const Execution& execution) {
  if (!execution.is_queued()) return {};
  const Format& format = format_of(execution.dtype);
  return {execution.device, format.hidden_dtype(execution.device), &format};
}

std::unique_ptr<Encoder> bind_weights(Model& model, TensorMap tensors, const Execution& execution, ModelKind kind) {
  const ModelConfig& config = model.info.config;
  const Family family = find_family(config.architecture);
  if (kind == ModelKind::reranker) {
    if (family.bind_head == nullptr) {
      throw Error(ErrorCode::bad_model,
                  fmt::format("cross-encoders of model_type {} are not supported", in_quotes(family.model_type)));
    }
    model.score_activation = find_activation(config.activation, config.sources.at("activation"));
    model.classification_head = family.bind_head(config, tensors, place_heads(execution));
  }
  expect_sizes(format_of(execution.dtype), config);
  auto encoder = family.bind(config, tensors, place_encoder(execution));
  if (!encoder) throw Error(ErrorCode::internal, fmt::format("no encoder for model_type '{}'", config.architecture));
  return encoder;
}

// Copies the large matrices into the layout that multiplies fastest, those that were not packed as they were bound. The
// mapped originals are read for that once; one layer at a time they leave memory again.
void pack_layers(Model& model, Encoder& encoder, const WeightFiles& files) {
  const Format& format = format_of(model.execution.dtype);
  for (const auto& layers : encoder.linear_layers()) {
    for (auto* linear : layers) linear->pack(format);
    files.release_pages();
  }
}

// Weights on a GPU were copied on this thread's stream, which calls do not use. To wait for the whole device would fail
// while another thread records a graph.
void finish_upload(const WeightFiles& files, at::Device device) {
  c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
  files.release_pages();
}

// Mean pooling reads offsets on the host. A text of padding needs a position for each of its tokens.
bool can_run_as_graphs(const ModelConfig& config, const Encoder& encoder) {
  return encoder.may_be_recorded() && config.pooling == std::vector{Pooling::cls} && config.dense.empty() &&
         config.positions() >= graph_tokens_max;
}

// Instead of the directory's own.
void set_pooling(ModelConfig& config, Pooling pooling) {
  config.pooling = {pooling};
  config.sources["pooling"] = "LoadOptions::pooling";
  if (config.dense.empty() || config.dense.front().in == config.hidden_size) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("pooling '{}' gives {} components, but the Dense module takes {}", to_string(pooling),
                          config.hidden_size, config.dense.front().in));
}

// What turns hidden states into vectors. Heads that lie beside the encoder are taken out of `tensors`.
void load_heads(Model& model, const fs::path& directory, TensorMap& tensors, WeightFiles& files) {
  ModelInfo& info = model.info;
  const Placement heads = place_heads(model.execution);
  for (const auto& layer : info.config.dense) {
    model.dense_layers.push_back(load_dense_layer(directory, layer, heads, files));
  }
  model.sparse_linear = load_head(directory, "sparse_linear", tensors, 1, info, heads, files, info.sparse_file);
  model.colbert_linear = load_head(directory, "colbert_linear", tensors, -1, info, heads, files, info.colbert_file);
  if (model.colbert_linear) info.colbert_size = model.colbert_linear->outputs();
}

// What peft saved in the folder `encoder`.
void apply_adapter(const fs::path& encoder, ModelInfo& info, TensorMap& tensors, WeightFiles& files) {
  const fs::path file = find_adapter_weights(encoder);
  const Checkpoint changes = files.open(file);
  try {
    merge_adapter(*info.config.adapter, changes.tensors(), tensors);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", in_quotes(file), error.what()));
  }
  info.weight_files.push_back(file);
}

// All weights where they are computed with, as the files have them. None of the checkpoints is left.
std::unique_ptr<Encoder> load_weights(Model& model, const fs::path& directory, ModelKind kind, WeightFiles& files) {
  ModelInfo& info = model.info;
  const ModelConfig& config = info.config;
  const fs::path encoder = config.encoder_directory(directory);
  const bool is_in_base = config.adapter && !config.adapter->has_own_weights;
  const Checkpoint checkpoint = files.open_directory(is_in_base ? config.adapter->base : encoder);
  info.weight_files = checkpoint.files();
  info.stored_dtype = stored_dtype(checkpoint.tensors());
  TensorMap tensors = checkpoint.tensors();
  load_heads(model, directory, tensors, files);
  if (config.adapter) apply_adapter(encoder, info, tensors, files);
  try {
    return bind_weights(model, std::move(tensors), model.execution, kind);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("model directory {}: {}{}", in_quotes(directory), error.what(),
                                          advice_on_kind(checkpoint.tensors(), kind)));
  }
}

// Into the form that is computed with.
void prepare_weights(Model& model, Encoder& encoder, const LoadOptions& options, const WeightFiles& files) {
  ModelInfo& info = model.info;
  const Execution& execution = model.execution;
  info.parameters = measure(model, encoder).parameters;
  const bool is_packed = execution.is_queued() || options.prepack;
  if (is_packed) pack_layers(model, encoder, files);
  if (execution.is_queued()) finish_upload(files, execution.device);
  if (is_packed && model.colbert_linear) pack(*model.colbert_linear);
  model.hidden_dtype = is_packed ? format_of(execution.dtype).hidden_dtype(execution.device) : at::kFloat;
  info.weight_bytes = measure(model, encoder).bytes;
}

void describe(Model& model, Encoder& encoder) {
  ModelInfo& info = model.info;
  const Execution& execution = model.execution;
  info.dtype = execution.dtype;
  info.device = execution.device.str();
  info.threads = execution.threads;
  info.parallel_calls = execution.parallel_calls;
  info.workspace_bytes_per_token = encoder.bytes_per_token(model.hidden_dtype);
}

// Whatever went wrong with weights that changed meanwhile, that is the reason to tell.
template <typename Work>
void read_unchanged(WeightFiles& files, const Work& work) {
  try {
    work();
  } catch (...) {
    files.expect_unchanged();
    throw;
  }
  files.expect_unchanged();
  files.forget_unused();
}

}  // namespace

Model load_model(const fs::path& directory, const LoadOptions& options, const Execution& execution,
                 const ModelConfig& config, ModelKind kind) {
  Model model;
  model.state = std::make_shared<RunState>(execution.device, execution.parallel_calls, options.on_log);
  model.execution = execution;
  model.info.directory = directory;
  model.info.config = config;
  const auto files = std::make_shared<WeightFiles>(options.copy ? WeightMemory::copied : WeightMemory::mapped);
  model.files = files;
  std::unique_ptr<Encoder> encoder;
  read_unchanged(*files, [&] {
    encoder = load_weights(model, directory, kind, *files);
    if (has_assumed_pooling(config)) assume_pooling(model.info.config, model.sparse_linear && model.colbert_linear);
    if (options.pooling) set_pooling(model.info.config, *options.pooling);
    if (options.cuda_graphs && execution.is_queued() && can_run_as_graphs(model.info.config, *encoder)) {
      model.state->streams.graph_use.record = cuda_graph_recorder();
    }
    prepare_weights(model, *encoder, options, *files);
  });
  describe(model, *encoder);
  model.encoder = std::move(encoder);
  return model;
}

}  // namespace bgem3
