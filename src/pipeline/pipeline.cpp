#include "pipeline/pipeline.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bgem3/heads.h"
#include "bgem3/pooling.h"
#include "pipeline/batch_runner.h"

namespace bgem3 {
namespace {

class Call {
 public:
  Call(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
       const EncodeOptions& options)
      : model_(model),
        options_(options),
        special_tokens_(tokenizer.special_tokens()),
        normalize_(options.normalize.value_or(model.info.config.normalize)),
        texts_(tokenize(model, tokenizer, texts, options)) {
    const std::size_t count = texts_.ids.size();
    if (options_.dense) distinct_.dense.resize(static_cast<Eigen::Index>(count), dense_size());
    if (options_.sparse) distinct_.sparse.resize(count);
    if (options_.colbert) distinct_.colbert.resize(count);
    for (const auto& ids : texts_.ids) distinct_.token_counts.push_back(ids.size());
  }

  Embeddings run() {
    BatchRunner runner(model_, texts_, {options_.batch_size, options_.batch_tokens}, options_.on_progress,
                       options_.on_hidden_states);
    if (first_tokens_are_enough()) {
      runner.run(Rows::first_tokens, [this](const Batch& batch, const PackedBatch&, const at::Tensor& first) {
        store_dense(batch, first);
      });
    } else {
      runner.run(Rows::all, [this](const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
        if (options_.dense) store_dense(batch, pool(hidden, packed, model_.info.config.pooling));
        if (options_.sparse) store_sparse(batch, packed, hidden);
        if (options_.colbert) store_colbert(batch, packed, hidden);
      });
    }
    return {spread(texts_, std::move(distinct_.dense)), spread(texts_, std::move(distinct_.sparse)),
            spread(texts_, std::move(distinct_.colbert)), spread(texts_, std::move(distinct_.token_counts))};
  }

 private:
  static DistinctTexts tokenize(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                                const EncodeOptions& options) {
    const std::size_t max_length = effective_max_length(model.info.config, options.max_length);
    auto ids = tokenizer.encode_batch(texts, max_length, options.tokenizer_threads);
    return options.on_hidden_states ? keep_all(std::move(ids)) : find_distinct(std::move(ids));
  }

  [[nodiscard]] bool first_tokens_are_enough() const {
    return model_.info.config.pooling == Pooling::cls && !options_.sparse && !options_.colbert &&
           !options_.on_hidden_states;
  }

  [[nodiscard]] int64_t dense_size() const {
    const auto full = model_.info.config.hidden_size;
    return options_.truncate_dim == 0 ? full : std::min(full, static_cast<int64_t>(options_.truncate_dim));
  }

  [[nodiscard]] at::Tensor finish(const at::Tensor& vectors) const {
    const at::Tensor kept = truncate(vectors, static_cast<int64_t>(options_.truncate_dim));
    return normalize_ ? l2_normalize(kept) : kept;
  }

  // pooled: [B, D]
  void store_dense(const Batch& batch, const at::Tensor& pooled) {
    const Matrix rows = to_matrix(finish(pooled));
    for (std::size_t k = 0; k < batch.size(); ++k) {
      distinct_.dense.row(static_cast<Eigen::Index>(batch[k])) = rows.row(static_cast<Eigen::Index>(k));
    }
  }

  void store_sparse(const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
    const at::Tensor weights = token_weights(hidden, *model_.sparse_linear).to(at::kCPU, at::kFloat).contiguous();
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto& ids = texts_.ids[batch[k]];
      const float* begin = weights.const_data_ptr<float>() + packed.offsets[k];
      distinct_.sparse[batch[k]] = lexical_weights(ids, {begin, ids.size()}, special_tokens_);
    }
  }

  void store_colbert(const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
    const at::Tensor vectors = finish(colbert_projection(hidden, *model_.colbert_linear));
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto length = packed.length(static_cast<int64_t>(k));
      // Without row 0, the `<s>`, which belongs to the dense vector.
      distinct_.colbert[batch[k]] = to_matrix(vectors.narrow(0, packed.offsets[k] + 1, length - 1));
    }
  }

  const Model& model_;
  const EncodeOptions& options_;
  const SpecialTokens special_tokens_;
  const bool normalize_;
  const DistinctTexts texts_;
  Embeddings distinct_;  // of the distinct texts
};

void check_options(const Model& model, const EncodeOptions& options) {
  const auto refuse = [&](const std::string& what) { throw Error(ErrorCode::invalid_argument, what); };
  if (!options.dense && !options.sparse && !options.colbert) {
    refuse("nothing to compute: set at least one of dense, sparse, colbert");
  }
  const auto without = [&](const char* kind, const char* file) {
    refuse(fmt::format("{} output needs {}, which '{}' does not have; only BGE-M3 models do", kind, file,
                       model.info.directory.string()));
  };
  if (options.sparse && !model.sparse_linear) without("sparse", "sparse_linear.pt");
  if (options.colbert && !model.colbert_linear) without("ColBERT", "colbert_linear.pt");
  if (options.truncate_dim > static_cast<std::size_t>(model.info.config.hidden_size)) {
    refuse(fmt::format("truncate_dim should be at most {}, the model's dimension, found {}",
                       model.info.config.hidden_size, options.truncate_dim));
  }
}

}  // namespace

Embeddings run_pipeline(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                        const EncodeOptions& options) {
  check_options(model, options);
  return Call(model, tokenizer, texts, options).run();
}

}  // namespace bgem3
