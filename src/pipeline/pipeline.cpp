#include "pipeline/pipeline.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/checked_results.h"
#include "bgem3/heads.h"
#include "pipeline/batch_runner.h"

namespace bgem3 {
namespace {

class Call {
 public:
  Call(const Model& model, const SpecialTokens& special_tokens, std::vector<TokenIds> tokens,
       const EncodeOptions& options)
      : model_(model),
        options_(options),
        special_tokens_(special_tokens),
        normalize_(options.normalize.value_or(model.info.config.normalize)),
        texts_(options.on_hidden_states ? keep_all(std::move(tokens)) : find_distinct(std::move(tokens))) {
    const std::size_t count = texts_.ids.size();
    if (options_.dense) distinct_.dense.resize(static_cast<Eigen::Index>(count), dense_size());
    if (options_.sparse) distinct_.sparse.resize(count);
    if (options_.colbert) distinct_.colbert.resize(count);
    for (const auto& ids : texts_.ids) distinct_.token_counts.push_back(ids.size());
  }

  Embeddings run() {
    BatchRunner runner(model_, texts_, {options_.batch_size, options_.batch_tokens}, options_.on_progress,
                       options_.on_hidden_states);
    const Rows rows = first_tokens_are_enough() ? Rows::first_tokens : Rows::all;
    runner.run(rows, [&](const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden, Transfer& transfer) {
      const Results results = make_results(rows, packed, hidden, transfer);
      return [=, this, offsets = packed.offsets] { return store(batch, offsets, results); };
    });
    return {spread(texts_, std::move(distinct_.dense)), spread(texts_, std::move(distinct_.sparse)),
            spread(texts_, std::move(distinct_.colbert)), spread(texts_, std::move(distinct_.token_counts))};
  }

 private:
  [[nodiscard]] bool first_tokens_are_enough() const {
    return model_.info.config.pooling == Pooling::cls && !options_.sparse && !options_.colbert &&
           !options_.on_hidden_states;
  }

  [[nodiscard]] int64_t kept_size(int64_t full) const {
    return options_.truncate_dim == 0 ? full : std::min(full, static_cast<int64_t>(options_.truncate_dim));
  }

  [[nodiscard]] int64_t dense_size() const { return kept_size(model_.info.config.hidden_size); }

  /// Of one batch, on the host. What was not asked for is undefined.
  struct Results {
    at::Tensor dense;          // [B, dense size]
    at::Tensor token_weights;  // [N]
    at::Tensor colbert;        // [N, C]
    at::Tensor non_finite;     // [1] int32, not 0 when one of them has NaN or infinity
  };

  // hidden: [N, D], or [B, D] of the first tokens.
  [[nodiscard]] Results make_results(Rows rows, const PackedBatch& packed, const at::Tensor& hidden,
                                     Transfer& transfer) const {
    const at::Tensor non_finite = detail::make_non_finite_flag(hidden);
    Results results;
    if (rows == Rows::first_tokens) {
      results.dense = transfer.to_host(detail::checked_vectors(hidden, dense_size(), normalize_, non_finite));
    } else if (options_.dense) {
      const Pooling pooling = model_.info.config.pooling;
      results.dense =
          transfer.to_host(detail::checked_pooled(hidden, packed, pooling, dense_size(), normalize_, non_finite));
    }
    if (options_.sparse) {
      results.token_weights =
          transfer.to_host(detail::checked_token_weights(hidden, *model_.sparse_linear, non_finite));
    }
    if (options_.colbert) {
      const at::Tensor projected = colbert_projection(hidden, *model_.colbert_linear);
      results.colbert =
          transfer.to_host(detail::checked_vectors(projected, kept_size(projected.size(1)), normalize_, non_finite));
    }
    results.non_finite = transfer.to_host(non_finite);
    return results;
  }

  std::optional<std::size_t> store(const Batch& batch, const std::vector<std::int32_t>& offsets,
                                   const Results& results) {
    if (*results.non_finite.const_data_ptr<std::int32_t>() != 0) return find_non_finite(offsets, results);
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const std::size_t text = batch[k];
      const int64_t begin = offsets[k], length = offsets[k + 1] - begin;
      if (options_.dense) {
        const float* vector = results.dense.const_data_ptr<float>() + k * static_cast<std::size_t>(dense_size());
        distinct_.dense.row(static_cast<Eigen::Index>(text)) =
            Eigen::Map<const Eigen::RowVectorXf>(vector, dense_size());
      }
      if (options_.sparse) {
        const auto& ids = texts_.ids[text];
        const float* weights = results.token_weights.const_data_ptr<float>() + begin;
        distinct_.sparse[text] = lexical_weights(ids, {weights, ids.size()}, special_tokens_);
      }
      // Without row 0, the `<s>`, which belongs to the dense vector.
      if (options_.colbert) distinct_.colbert[text] = to_matrix(results.colbert.narrow(0, begin + 1, length - 1));
    }
    return std::nullopt;
  }

  // The first text of a batch with a result that is not a number.
  static std::size_t find_non_finite(const std::vector<std::int32_t>& offsets, const Results& results) {
    const auto is_finite = [](const at::Tensor& part) { return std::isfinite(part.sum().item<float>()); };
    const std::size_t texts = offsets.size() - 1;
    for (std::size_t k = 0; k < texts; ++k) {
      const int64_t begin = offsets[k], length = offsets[k + 1] - begin;
      if (results.dense.defined() && !is_finite(results.dense[static_cast<int64_t>(k)])) return k;
      for (const auto& of_tokens : {results.token_weights, results.colbert}) {
        if (of_tokens.defined() && !is_finite(of_tokens.narrow(0, begin, length))) return k;
      }
    }
    return 0;
  }

  const Model& model_;
  const EncodeOptions& options_;
  const SpecialTokens special_tokens_;
  const bool normalize_;
  const DistinctTexts texts_;
  Embeddings distinct_;  // of the distinct texts
};

void check_ids(const ModelConfig& config, const std::vector<TokenIds>& texts, std::size_t max_length) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty() || texts[i].size() > max_length) {
      throw Error(
          ErrorCode::invalid_argument,
          fmt::format("text {} of the call should have 1 to {} token ids, found {}", i, max_length, texts[i].size()));
    }
    for (const auto id : texts[i]) {
      if (id >= 0 && id < config.vocabulary_size) continue;
      throw Error(ErrorCode::invalid_argument, fmt::format("text {} of the call: token ids should be 0 to {}, found {}",
                                                           i, config.vocabulary_size - 1, id));
    }
  }
}

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
  const std::size_t max_length = effective_max_length(model.info.config, options.max_length);
  auto ids = tokenizer.encode_batch(texts, max_length, options.tokenizer_threads);
  return Call(model, tokenizer.special_tokens(), std::move(ids), options).run();
}

Embeddings run_pipeline(const Model& model, const Tokenizer& tokenizer, std::vector<TokenIds> ids,
                        const EncodeOptions& options) {
  check_options(model, options);
  check_ids(model.info.config, ids, effective_max_length(model.info.config, options.max_length));
  return Call(model, tokenizer.special_tokens(), std::move(ids), options).run();
}

}  // namespace bgem3
