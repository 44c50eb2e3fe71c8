#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/config.h"
#include "bgem3/detail/cpu_int8.h"
#include "bgem3/detail/cpu_linear.h"
#include "bgem3/detail/float8.h"

namespace bgem3 {

using TensorMap = std::map<std::string, at::Tensor>;

/// Weight and bias have one dtype, which is the encoder's: float32, or half precision on a GPU.
struct Linear {
  at::Tensor weight;                                          // [out, in]
  at::Tensor bias;                                            // [out]
  std::optional<detail::PanelWeight> panels = std::nullopt;   // instead of both
  std::optional<detail::Int8Weight> int8 = std::nullopt;      // likewise
  std::optional<detail::Float8Weight> float8 = std::nullopt;  // likewise
};

struct LayerNorm {
  at::Tensor weight;  // [D]
  at::Tensor bias;    // [D]
};

struct InputEmbeddingWeights {
  at::Tensor word;        // [V, D]
  at::Tensor position;    // [position rows, D]
  at::Tensor token_type;  // [token types, D]
  LayerNorm norm;
};

struct AttentionWeights {
  // Query, key and value in one product, [3D, D]; in the last layer apart, because its queries may be first tokens
  // only.
  std::optional<Linear> qkv = std::nullopt;
  Linear query = {};      // [D, D], without qkv
  Linear key_value = {};  // [2D, D], the rows of the keys first, without qkv
  Linear output;          // [D, D]
  LayerNorm norm;         // after the residual, float32
};

struct FeedForwardWeights {
  Linear up;       // [intermediate, D]
  Linear down;     // [D, intermediate]
  LayerNorm norm;  // after the residual, float32
};

struct EncoderLayerWeights {
  AttentionWeights attention;
  FeedForwardWeights feed_forward;
};

struct EncoderWeights {
  InputEmbeddingWeights input;
  std::vector<EncoderLayerWeights> layers;
  at::ScalarType hidden_dtype = at::kFloat;  // of the hidden states between layers
};

/// All linear layers of one transformer layer.
template <typename Weights>
auto linear_layers(Weights& weights) {
  auto& [attention, feed_forward] = weights;
  std::vector layers{&attention.output, &feed_forward.up, &feed_forward.down};
  if (attention.qkv) {
    layers.push_back(&*attention.qkv);
  } else {
    layers.insert(layers.end(), {&attention.query, &attention.key_value});
  }
  return layers;
}

/// What makes a cross-encoder of the encoder.
struct ClassificationHead {
  Linear dense;   // [D, D]
  Linear output;  // [1, D]
};

/// Where and in what precision a model computes. Weights already there are used as they are, without a copy. Norms stay
/// in float32.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  bool float8_layers = false;  // linear layers of the encoder in e4m3 instead; sizes should be multiples of 16
  bool fast_sums = false;      // of their products on a GPU, by fewer bits
};

/// Finds each parameter of the encoder by its transformers name, with or without a prefix (`roberta.`, `bert.`,
/// `model.`), checks its shape and moves it to `placement`. Parameters that embedding has no use for (pooler, language
/// model head, position buffers) are passed over.
/// @throws Error bad_model that lists every missing, unexpected, wrongly shaped and wrongly typed tensor;
///         invalid_argument for float8_layers of other sizes
EncoderWeights bind_encoder_weights(const ModelConfig& config, const TensorMap& tensors,
                                    const Placement& placement = {});

/// A head saved by `torch.save(linear.state_dict())`: `weight` [out, D] and `bias` [out]; `out` -1 takes any.
/// @throws Error bad_model as above; `file` is named in it.
Linear bind_head(const TensorMap& tensors, int64_t out, int64_t in, const std::string& file,
                 const Placement& placement = {});

/// The head of XLMRobertaForSequenceClassification with one label: `classifier.dense` and `classifier.out_proj`.
/// @throws Error bad_model as above
ClassificationHead bind_classification_head(const ModelConfig& config, const TensorMap& tensors,
                                            const Placement& placement = {});

}  // namespace bgem3

#include "bgem3/detail/weight_binder.h"  // bodies
