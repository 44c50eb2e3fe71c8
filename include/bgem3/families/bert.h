#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include "bgem3/detail/shape.h"
#include "bgem3/families/encoder.h"
#include "bgem3/families/parameter_names.h"
#include "bgem3/families/weight_binder.h"
#include "bgem3/layers/attention.h"
#include "bgem3/layers/feed_forward.h"
#include "bgem3/layers/input_embedding.h"
#include "bgem3/layers/row_blocks.h"

/// The families `bert`, `xlm-roberta`, `roberta` and `camembert`, and what others share with them: one encoder, with
/// learned positions and a norm after each residual.
namespace bgem3::bert {

struct AttentionWeights {
  // Query, key and value in one product, [3D, D]; in the last layer apart, because its queries may be first tokens
  // only.
  Linear qkv;
  Linear query;      // [D, D], without qkv
  Linear key_value;  // [2D, D], the rows of the keys first, without qkv
  Linear output;     // [D, D]
  LayerNorm norm;    // after the residual
  // Of packed_attention(), the same in all layers; undefined where positions count in the input embedding alone.
  at::Tensor relative_bias;
};

struct LayerWeights {
  AttentionWeights attention;
  FeedForwardWeights feed_forward;
};

struct Weights {
  InputEmbeddingWeights input;
  at::Tensor bias_table;  // of which a family made relative_bias; undefined: none
  std::vector<LayerWeights> layers;
};

/// All linear layers of one transformer layer.
inline std::vector<Linear*> linear_layers(LayerWeights& weights) {
  auto& [attention, feed_forward] = weights;
  std::vector layers{&attention.output, &feed_forward.up, &feed_forward.down};
  for (auto* layer : {&attention.qkv, &attention.query, &attention.key_value}) {
    if (layer->is_defined()) layers.push_back(layer);
  }
  return layers;
}

// The forward pass.

/// Of all tokens or, for queries, of first tokens alone: each [n, H, d].
struct Projections {
  at::Tensor query, key, value;
};

/// Those of hidden states [N, D], queries of the rows `query_rows`.
inline Projections project(const Rows& query_rows, const Rows& hidden, const AttentionWeights& weights, int64_t heads) {
  const at::Tensor query = split_heads(weights.query.apply(query_rows).plain, heads);
  const at::Tensor both = split_heads(weights.key_value.apply(hidden).plain, 2 * heads);
  return {query, both.narrow(1, 0, heads), both.narrow(1, heads, heads)};
}

inline Projections project(const Rows& hidden, const AttentionWeights& weights, int64_t heads) {
  if (!weights.qkv.is_defined()) return project(hidden, hidden, weights, heads);
  const at::Tensor all = split_heads(weights.qkv.apply(hidden).plain, 3 * heads);
  return {all.narrow(1, 0, heads), all.narrow(1, heads, heads), all.narrow(1, 2 * heads, heads)};
}

/// How a layer's first product reads its hidden states.
inline RoundedDtype reads(const LayerWeights& weights) {
  const auto& attention = weights.attention;
  return (attention.qkv.is_defined() ? attention.qkv : attention.key_value).reads();
}

/// What a layer does after its attention: context [n, D] and the hidden states that it was computed of [n, D] → hidden
/// states [n, D] for a product that reads `next_reads`.
inline Rows finish_layer(const at::Tensor& context, const at::Tensor& hidden, const LayerWeights& weights, double eps,
                         RoundedDtype next_reads) {
  const auto& [attention, feed_forward_weights] = weights;
  return in_row_blocks(hidden, [&](const RowBlock& block, const at::Tensor& output) {
    const Rows attended = linear_add_norm({block.of(context)}, block.of(hidden), attention.output, attention.norm, eps,
                                          feed_forward_weights.up.reads());
    return feed_forward(attended, feed_forward_weights, eps, next_reads, output);
  });
}

/// One transformer layer: hidden states [N, D] → [N, D] for a product that reads `next_reads`.
inline Rows layer(const Rows& hidden, const PackedBatch& batch, const LayerWeights& weights, const ModelConfig& config,
                  RoundedDtype next_reads = std::nullopt) {
  const auto [query, key, value] = project(hidden, weights.attention, config.heads);
  const at::Tensor context = packed_attention(query, key, value, batch, weights.attention.relative_bias).flatten(1);
  return finish_layer(context, hidden.plain, weights, config.layer_norm_eps, next_reads);
}

/// layer() for the first token of each text alone, in the last layer: hidden states [N, D] → [B, D]. Of the other
/// tokens it needs keys and values only, so it costs a sixth.
inline at::Tensor first_token_layer(const Rows& hidden, const PackedBatch& batch, const LayerWeights& weights,
                                    const ModelConfig& config) {
  const at::Tensor first = first_tokens(hidden.plain, batch);
  const auto [query, key, value] = project({first}, hidden, weights.attention, config.heads);
  const at::Tensor context =
      first_token_attention(query, key, value, batch, weights.attention.relative_bias).flatten(1);
  return finish_layer(context, first, weights, config.layer_norm_eps, std::nullopt).plain;
}

/// The input embedding and the first `count` layers.
inline Rows run_layers(const PackedBatch& batch, const Weights& weights, const ModelConfig& config,
                       const EncoderOptions& options, size_t count) {
  Rows hidden{embed_input(batch, weights.input, config.layer_norm_eps, options.hidden_dtype)};
  detail::expect_shape(hidden.plain, {batch.tokens(), config.hidden_size}, "input embedding");
  if (options.hook) options.hook(0, hidden.plain);
  for (size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == weights.layers.size();
    hidden = layer(hidden, batch, weights.layers[i], config, is_last ? std::nullopt : reads(weights.layers[i + 1]));
    if (options.hook) options.hook(static_cast<int64_t>(i) + 1, hidden.plain);
  }
  return hidden;
}

/// The whole encoder: token ids of a packed batch → last hidden states [N, D], float32, on the device of the weights.
/// Pure: safe to call from many threads. Run it under c10::InferenceMode.
inline at::Tensor encode(const PackedBatch& batch, const Weights& weights, const ModelConfig& config,
                         const EncoderOptions& options = EncoderOptions()) {
  return run_layers(batch, weights, config, options, weights.layers.size()).plain.to(at::kFloat);
}

/// The last hidden states of the first token of each text alone, [B, D]: what CLS pooling needs, without computing the
/// rest of the last layer. The hook does not see that one.
inline at::Tensor encode_first_tokens(const PackedBatch& batch, const Weights& weights, const ModelConfig& config,
                                      const EncoderOptions& options = EncoderOptions()) {
  const size_t before = weights.layers.size() - 1;
  const Rows hidden = run_layers(batch, weights, config, options, before);
  return first_token_layer(hidden, batch, weights.layers[before], config).to(at::kFloat);
}

/// The one of all layers, undefined where there is none.
inline at::Tensor relative_bias(const Weights& weights) {
  return weights.layers.empty() ? at::Tensor() : weights.layers.front().attention.relative_bias;
}

/// What a batch holds for each token, at most. At the attention: its input, query, key and value, context, result. At
/// the feed-forward: input, attention before and after its norm, what lies between the two products, result, and on the
/// CPU the rows that are done. Then the result in float32.
inline std::int64_t bytes_per_token(const Weights& weights, const ModelConfig& config, at::ScalarType hidden_dtype) {
  const std::int64_t d = config.hidden_size, between = config.intermediate_size;
  const auto element_bytes = static_cast<std::int64_t>(c10::elementSize(hidden_dtype));
  const bool rounds = !weights.layers.empty() && reads(weights.layers.front()).has_value();
  const std::int64_t result_bytes = d * static_cast<std::int64_t>(sizeof(float));
  return std::max(6 * d, 5 * d + between) * element_bytes + result_bytes + (rounds ? d + between : 0) +
         attention_bytes_per_token(relative_bias(weights));
}

// The weights.

// Layers of the same input as one. What is missing stays missing: the binder has noted it.
inline Linear one_below_the_other(std::initializer_list<Linear> layers) {
  std::vector<at::Tensor> weights, biases;
  for (const auto& layer : layers) {
    if (!layer.is_defined()) return {};
    weights.push_back(layer.plain()->weight());
    biases.push_back(layer.plain()->bias());
  }
  return {at::cat(weights), at::cat(biases)};
}

/// What transformers calls the tensors of a family, those of a layer after `layer` and its number.
struct Names {
  const char* layer = "encoder.layer.";
  const char* query = "attention.self.query.";
  const char* key = "attention.self.key.";
  const char* value = "attention.self.value.";
  const char* attention_output = "attention.output.dense.";
  const char* attention_norm = "attention.output.LayerNorm.";
  const char* up = "intermediate.dense.";
  const char* down = "output.dense.";
  const char* feed_forward_norm = "output.LayerNorm.";
};

inline LayerWeights bind_layer(WeightBinder& binder, const ModelConfig& config, const Names& names, int64_t number) {
  const std::string at_layer = c10::str(names.layer, number, ".");
  const int64_t d = config.hidden_size;
  LayerWeights weights;
  auto& attention = weights.attention;
  const Linear query = binder.linear(at_layer + names.query, d, d);
  const Linear key = binder.linear(at_layer + names.key, d, d);
  const Linear value = binder.linear(at_layer + names.value, d, d);
  if (number + 1 < config.layers) {
    attention.qkv = one_below_the_other({query, key, value});
  } else {
    attention.query = query;
    attention.key_value = one_below_the_other({key, value});
  }
  attention.output = binder.linear(at_layer + names.attention_output, d, d);
  attention.norm = binder.layer_norm(at_layer + names.attention_norm, d);
  auto& feed_forward = weights.feed_forward;
  feed_forward.up = binder.linear(at_layer + names.up, config.intermediate_size, d);
  feed_forward.down = binder.linear(at_layer + names.down, d, config.intermediate_size);
  feed_forward.norm = binder.layer_norm(at_layer + names.feed_forward_norm, d);
  return weights;
}

// Configurations may claim millions of layers. When none of a layer's tensors is there, and the error has enough to
// list, those that follow are not looked for.
inline void bind_layers(WeightBinder& binder, const ModelConfig& config, const Placement& placement, const Names& names,
                        std::vector<LayerWeights>& layers) {
  constexpr int64_t tensors_of_layer = 16;
  for (int64_t number = 0; number < config.layers; ++number) {
    const size_t found_before = binder.found();
    layers.push_back(bind_layer(binder, config, names, number));
    if (placement.format != nullptr) {
      for (auto* linear : linear_layers(layers.back())) linear->pack(*placement.format);
    }
    if (binder.found() > found_before || !binder.is_full()) continue;
    return binder.give_up(static_cast<size_t>((config.layers - number - 1) * tensors_of_layer));
  }
}

/// Takes the tensors out of a checkpoint that a family has under these names. An encoder without token types adds
/// zeros.
/// @throws Error invalid_argument for a format that does not take these sizes
inline Weights take_weights(WeightBinder& binder, const ModelConfig& config, const Placement& placement,
                            const Names& names = {}) {
  if (placement.format != nullptr) expect_sizes(*placement.format, config);
  const int64_t d = config.hidden_size, types = config.token_types;
  Weights weights;
  auto& input = weights.input;
  input.word = binder.take("embeddings.word_embeddings.weight", {config.vocabulary_size, d});
  input.position = binder.take("embeddings.position_embeddings.weight", {config.position_rows, d});
  if (types > 0) {
    input.token_type = binder.take("embeddings.token_type_embeddings.weight", {types, d});
  } else if (input.word.defined()) {
    input.token_type = at::zeros_like(input.word.narrow(0, 0, 1));
  }
  input.norm = binder.layer_norm("embeddings.LayerNorm.", d);
  bind_layers(binder, config, placement, names, weights.layers);
  return weights;
}

/// Finds each parameter of the encoder by its transformers name, with or without a prefix (`roberta.`, `bert.`,
/// `model.`), checks its shape and moves it to `placement`. Parameters that embedding has no use for (pooler, language
/// model head, position buffers) are passed over.
/// @throws Error bad_model that lists every missing, unexpected, wrongly shaped and wrongly typed tensor;
///         invalid_argument for a format that does not take these sizes
inline Weights bind(const ModelConfig& config, const TensorMap& tensors, const Placement& placement = {}) {
  WeightBinder binder(tensors, detail::find_prefix(tensors), placement);
  Weights weights = take_weights(binder, config, placement);
  binder.finish("the weights", detail::is_unused_parameter);
  return weights;
}

/// What a model of these families computes with.
class BertEncoder final : public Encoder {
 public:
  BertEncoder(ModelConfig config, Weights weights) : config_(std::move(config)), weights_(std::move(weights)) {}

  [[nodiscard]] at::Tensor forward(const PackedBatch& batch, const EncoderOptions& options) const override {
    return encode(batch, weights_, config_, options);
  }
  [[nodiscard]] at::Tensor forward_first_tokens(const PackedBatch& batch,
                                                const EncoderOptions& options) const override {
    return encode_first_tokens(batch, weights_, config_, options);
  }
  // Attention with a bias takes the lengths of texts from the host.
  [[nodiscard]] bool may_be_recorded() const override { return !relative_bias(weights_).defined(); }
  [[nodiscard]] std::int64_t bytes_per_token(at::ScalarType hidden_dtype) const override {
    return bert::bytes_per_token(weights_, config_, hidden_dtype);
  }
  [[nodiscard]] std::vector<std::vector<Linear*>> linear_layers() override {
    std::vector<std::vector<Linear*>> all;
    all.reserve(weights_.layers.size());
    for (auto& layer : weights_.layers) all.push_back(bert::linear_layers(layer));
    return all;
  }
  [[nodiscard]] std::vector<at::Tensor> other_weights() const override {
    const auto& input = weights_.input;
    std::vector all{input.word, input.position, input.norm.weight, input.norm.bias};
    // What was made of weights is none.
    if (config_.token_types > 0) all.push_back(input.token_type);
    if (weights_.bias_table.defined()) all.push_back(weights_.bias_table);
    for (const auto& layer : weights_.layers) {
      for (const auto* norm : {&layer.attention.norm, &layer.feed_forward.norm}) {
        all.insert(all.end(), {norm->weight, norm->bias});
      }
    }
    return all;
  }

  [[nodiscard]] const Weights& weights() const noexcept { return weights_; }

 private:
  const ModelConfig config_;
  Weights weights_;
};

}  // namespace bgem3::bert
