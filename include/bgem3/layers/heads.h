#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "bgem3/embeddings.h"
#include "bgem3/layers/linear.h"
#include "bgem3/tensors/packed_batch.h"
#include "bgem3/tokenizer.h"

namespace bgem3 {

/// What lies between the layers of a classification head.
enum class HeadActivation { tanh, relu };

/// What makes a cross-encoder of an encoder.
struct ClassificationHead {
  Linear dense;   // [D, D]
  Linear output;  // [1, D]
  HeadActivation activation = HeadActivation::tanh;
};

/// Weight of every token, ReLU of a linear layer: hidden states [N, D] → [N], of the dtype of both, float32 in a model.
inline at::Tensor token_weights(const at::Tensor& hidden, const Linear& sparse_linear) {
  return linear(hidden, sparse_linear).relu_().squeeze(1);
}

/// Gathers the token weights of one text into its sparse vector: the largest weight of each id; zero weights and the
/// tokens `<s>`, `</s>`, `<pad>`, `<unk>` are left out. Source: FlagEmbedding, M3Embedder.encode.
inline LexicalWeights lexical_weights(std::span<const std::int32_t> ids, std::span<const float> weights,
                                      const SpecialTokens& special) {
  LexicalWeights result;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = ids[i];
    const bool unused = id == special.cls || id == special.eos || id == special.pad || id == special.unk;
    if (!unused && weights[i] > 0) result.push_back({id, weights[i]});
  }
  // Largest weight first within an id, so that dropping repeats keeps it.
  std::sort(result.begin(), result.end(), [](const TokenWeight& a, const TokenWeight& b) {
    return a.id != b.id ? a.id < b.id : a.weight > b.weight;
  });
  const auto same_id = [](const TokenWeight& a, const TokenWeight& b) { return a.id == b.id; };
  result.erase(std::unique(result.begin(), result.end(), same_id), result.end());
  return result;
}

/// The multi-vector projection of every token: hidden states [N, D] → [N, C]. dtype as token_weights().
inline at::Tensor colbert_projection(const at::Tensor& hidden, const Linear& colbert_linear) {
  return linear(hidden, colbert_linear);
}

/// Of the projections of a text's n tokens [n, C] those that are its ColBERT vectors, a view: without row 0, the `<s>`,
/// which belongs to the dense vector. Source: FlagEmbedding, M3Embedder.encode.
inline at::Tensor colbert_vectors(const at::Tensor& projection) {
  return projection.narrow(0, 1, projection.size(0) - 1);
}

/// Relevance of each pair, a logit: first hidden states [B, D] → [B]. Source: transformers, the models
/// `…ForSequenceClassification`.
inline at::Tensor relevance(const at::Tensor& cls, const ClassificationHead& head) {
  at::Tensor hidden = linear(cls, head.dense);
  head.activation == HeadActivation::relu ? hidden.relu_() : hidden.tanh_();
  return linear(hidden, head.output).squeeze(1);
}

}  // namespace bgem3
