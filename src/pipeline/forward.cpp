#include "pipeline/forward.h"

#include <algorithm>

#include "bgem3/detail/checked_results.h"
#include "bgem3/heads.h"

namespace bgem3 {

int64_t kept_size(const Outputs& outputs, int64_t full) {
  return outputs.truncate_dim == 0 ? full : std::min(full, outputs.truncate_dim);
}

BatchResults forward(const Model& model, const EncoderWeights& encoder, const PackedBatch& batch,
                     const Outputs& outputs, const LayerHook& hook) {
  const ModelConfig& config = model.info.config;
  // [N, D], or [B, D] of the first tokens.
  const at::Tensor hidden = (outputs.all_rows ? encode_batch : encode_first_tokens)(batch, encoder, config, hook);
  BatchResults results;
  if (outputs.relevance) {
    results.relevance = relevance(hidden, *model.classification_head);
    return results;
  }
  results.non_finite = detail::make_non_finite_flag(hidden);
  const auto finish = [&](const at::Tensor& rows) {
    return detail::checked_vectors(rows, kept_size(outputs, rows.size(1)), outputs.normalize, results.non_finite);
  };
  if (outputs.dense && outputs.all_rows) {
    results.dense = detail::checked_pooled(hidden, batch, config.pooling, kept_size(outputs, config.hidden_size),
                                           outputs.normalize, results.non_finite);
  } else if (outputs.dense) {
    results.dense = finish(hidden);
  }
  if (outputs.sparse) {
    results.token_weights = detail::checked_token_weights(hidden, *model.sparse_linear, results.non_finite);
  }
  if (outputs.colbert) results.colbert = finish(colbert_projection(hidden, *model.colbert_linear));
  return results;
}

}  // namespace bgem3
