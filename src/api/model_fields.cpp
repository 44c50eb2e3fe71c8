#include "api/model_fields.h"

#include <algorithm>
#include <utility>

namespace bgem3 {
namespace {

namespace fs = std::filesystem;

using Fields = std::vector<ModelField>;

constexpr ModelKind embedder = ModelKind::embedder, reranker = ModelKind::reranker;

FieldValue or_none(const std::optional<std::string>& text) { return text ? FieldValue(*text) : FieldValue(); }

FieldValue or_none(const fs::path& path) { return path.empty() ? FieldValue() : FieldValue(path); }

FieldValue or_none(std::int64_t size) { return size == 0 ? FieldValue() : FieldValue(size); }

FieldValue integer(auto number) { return static_cast<std::int64_t>(number); }

std::vector<std::string> describe(const std::vector<DenseLayer>& layers) {
  std::vector<std::string> texts;
  texts.reserve(layers.size());
  for (const auto& layer : layers) {
    texts.push_back(std::to_string(layer.in) + " to " + std::to_string(layer.out) + ", " + layer.activation);
  }
  return texts;
}

std::int64_t dimension(const ModelConfig& config) {
  return config.truncate_dim == 0 ? config.dense_size() : std::min(config.truncate_dim, config.dense_size());
}

void add(Fields& fields, std::string_view name, FieldValue value, std::optional<ModelKind> only_of = std::nullopt) {
  fields.push_back({name, std::move(value), only_of});
}

void add_encoder(Fields& fields, const ModelConfig& config) {
  add(fields, "architecture", config.architecture);
  add(fields, "layers", config.layers);
  add(fields, "hidden_size", config.hidden_size);
  add(fields, "heads", config.heads);
  add(fields, "intermediate_size", config.intermediate_size);
  add(fields, "vocabulary_size", config.vocabulary_size);
  add(fields, "max_length", config.max_length);
  add(fields, "max_positions", config.positions());
}

void add_results(Fields& fields, const ModelConfig& config) {
  add(fields, "pooling", to_string(config.pooling), embedder);
  add(fields, "dense", describe(config.dense), embedder);
  add(fields, "dense_layers", integer(config.dense.size()), embedder);
  add(fields, "dense_size", config.dense_size(), embedder);
  add(fields, "normalize", config.normalize, embedder);
  add(fields, "truncate_dim", or_none(config.truncate_dim), embedder);
  add(fields, "dimension", dimension(config), embedder);
  add(fields, "similarity", to_string(config.similarity), embedder);
  add(fields, "activation", config.activation, reranker);
  add(fields, "prompts", config.prompts.by_name);
  add(fields, "default_prompt_name", or_none(config.prompts.default_name));
}

void add_files(Fields& fields, const ModelInfo& info) {
  const ModelConfig& config = info.config;
  const fs::path encoder = config.encoder_directory(info.directory);
  add(fields, "adapter", or_none(config.adapter ? encoder / "adapter_config.json" : fs::path()), embedder);
  add(fields, "config", (config.adapter ? config.adapter->base : encoder) / "config.json");
  add(fields, "weight_files", info.weight_files);
  add(fields, "tokenizer_file", info.tokenizer_file);
  add(fields, "sparse_head", or_none(info.sparse_file), embedder);
  add(fields, "has_sparse", info.has_sparse(), embedder);
  add(fields, "colbert_head", or_none(info.colbert_file), embedder);
  add(fields, "has_colbert", info.has_colbert(), embedder);
  add(fields, "colbert_dim", info.colbert_size, embedder);
}

void add_execution(Fields& fields, const ModelInfo& info) {
  add(fields, "parameters", info.parameters);
  add(fields, "weight_bytes", info.weight_bytes);
  add(fields, "workspace_bytes_per_token", info.workspace_bytes_per_token);
  add(fields, "stored_dtype", info.stored_dtype);
  add(fields, "dtype", std::string(to_string(info.dtype)));
  add(fields, "device", info.device);
  add(fields, "threads", integer(info.threads));
  add(fields, "parallel_calls", integer(info.parallel_calls));
}

}  // namespace

std::vector<ModelField> describe_model(const ModelInfo& info) {
  Fields fields;
  add(fields, "directory", info.directory);
  add_encoder(fields, info.config);
  add_results(fields, info.config);
  add_files(fields, info);
  add_execution(fields, info);
  add(fields, "sources", info.config.sources);
  return fields;
}

const FieldValue& value_of(const std::vector<ModelField>& fields, std::string_view name) {
  return std::ranges::find(fields, name, &ModelField::name)->value;
}

}  // namespace bgem3
