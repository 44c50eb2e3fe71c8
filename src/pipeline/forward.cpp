#include "pipeline/forward.h"

#include <algorithm>

#include "bgem3/layers/checked_results.h"
#include "bgem3/layers/heads.h"
#include "bgem3/layers/pooling.h"

namespace bgem3 {

namespace {

int64_t kept_size(int64_t wanted, int64_t full) { return wanted == 0 ? full : std::min(full, wanted); }

// Pooled, projected, cut: float32 [B, dense size].
at::Tensor dense_vectors(const Model& model, const at::Tensor& hidden, const PackedBatch& batch,
                         const ForwardOptions& options, const at::Tensor& non_finite) {
  const ModelConfig& config = model.info.config;
  const int64_t size = dense_size(config, options);
  const bool is_plain = model.dense_layers.empty() && !options.normalize_whole;
  if (!options.all_rows && is_plain) return detail::checked_vectors(hidden, size, options.normalize_dense, non_finite);
  if (needs_first_tokens_alone(config) && is_plain) {
    return detail::checked_first_tokens(hidden, batch, size, options.normalize_dense, non_finite);
  }
  at::Tensor vectors = project(options.all_rows ? pool(hidden, batch, config.pooling) : hidden, model.dense_layers);
  if (options.normalize_whole) vectors = l2_normalize(vectors.to(at::kFloat));
  return detail::checked_vectors(vectors, size, options.normalize_dense, non_finite);
}

}  // namespace

bool needs_first_tokens_alone(const ModelConfig& config) {
  return config.pooling.size() == 1 && config.pooling.front() == Pooling::cls;
}

int64_t dense_size(const ModelConfig& config, const ForwardOptions& options) {
  return kept_size(options.dense_dim, config.dense_size());
}

BatchResults forward(const Model& model, const PackedBatch& batch, const ForwardOptions& options,
                     const EncoderOptions& how) {
  // [N, D], or [B, D] of the first tokens.
  const Encoder& encoder = *model.encoder;
  const at::Tensor hidden = options.all_rows ? encoder.forward(batch, how) : encoder.forward_first_tokens(batch, how);
  BatchResults results;
  if (options.relevance) {
    results.relevance = relevance(hidden, *model.classification_head);
    return results;
  }
  results.non_finite = detail::make_non_finite_flag(hidden);
  if (options.dense) results.dense = dense_vectors(model, hidden, batch, options, results.non_finite);
  if (options.sparse) {
    results.token_weights = detail::checked_token_weights(hidden, *model.sparse_linear, results.non_finite);
  }
  if (options.colbert) {
    const at::Tensor rows = colbert_projection(hidden, *model.colbert_linear);
    results.colbert = detail::checked_vectors(rows, kept_size(options.colbert_dim, rows.size(1)),
                                              options.normalize_colbert, results.non_finite);
  }
  return results;
}

}  // namespace bgem3
