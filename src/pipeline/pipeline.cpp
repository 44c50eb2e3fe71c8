#include "pipeline/pipeline.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/batching.h"
#include "bgem3/encoder.h"
#include "bgem3/heads.h"
#include "bgem3/pooling.h"

namespace bgem3 {
namespace {

// On the host torch reports exhausted memory as a plain error with this text.
bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         std::string_view(error.what_without_backtrace()).find("DefaultCPUAllocator") != std::string_view::npos;
}

Matrix to_matrix(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
  Matrix matrix(host.size(0), host.size(1));
  std::memcpy(matrix.data(), host.const_data_ptr<float>(), host.nbytes());
  return matrix;
}

class Call {
 public:
  Call(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
       const EncodeOptions& options)
      : model_(model),
        options_(options),
        special_tokens_(tokenizer.special_tokens()),
        normalize_(options.normalize.value_or(model.info.config.normalize)),
        ids_(tokenizer.encode_batch(texts, effective_max_length(model.info.config, options.max_length),
                                    options.tokenizer_threads)) {
    prepare_results();
  }

  Embeddings run() {
    const c10::InferenceMode no_autograd;
    for (const Batch& batch : plan_batches(result_.token_counts, {options_.batch_size, options_.batch_tokens})) {
      run_or_halve(batch);
    }
    return std::move(result_);
  }

 private:
  void prepare_results() {
    for (const auto& ids : ids_) result_.token_counts.push_back(ids.size());
    progress_.texts_total = ids_.size();
    for (const auto count : result_.token_counts) progress_.tokens_total += count;
    if (options_.dense) result_.dense.resize(static_cast<Eigen::Index>(ids_.size()), dense_size());
    if (options_.sparse) result_.sparse.resize(ids_.size());
    if (options_.colbert) result_.colbert.resize(ids_.size());
  }

  [[nodiscard]] int64_t dense_size() const {
    const auto full = model_.info.config.hidden_size;
    return options_.truncate_dim == 0 ? full : std::min(full, static_cast<int64_t>(options_.truncate_dim));
  }

  void run_or_halve(const Batch& batch) {
    try {
      run_batch(batch);
      return;
    } catch (const std::bad_alloc&) {
      refuse_single(batch);
    } catch (const c10::Error& error) {
      if (!is_out_of_memory(error)) throw;
      refuse_single(batch);
    }
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    run_or_halve({batch.begin(), middle});
    run_or_halve({middle, batch.end()});
  }

  void refuse_single(const Batch& batch) const {
    if (batch.size() > 1) return;
    throw Error(ErrorCode::out_of_memory,
                fmt::format("not enough memory on {} for one text of {} tokens; lower max_length or free memory",
                            model_.info.device, ids_[batch.front()].size()));
  }

  void run_batch(const Batch& batch) {
    std::vector<std::span<const std::int32_t>> batch_ids;
    for (const auto text : batch) batch_ids.emplace_back(ids_[text]);
    const PackedBatch packed = pack(batch_ids, model_.info.config);
    const at::Tensor hidden =
        encode_batch(packed, model_.encoder, model_.info.config,
                     [&](int64_t layer, const at::Tensor& states) { report_layer(batch, packed, layer, states); });
    if (options_.dense) store_dense(batch, packed, hidden);
    if (options_.sparse) store_sparse(batch, packed, hidden);
    if (options_.colbert) store_colbert(batch, packed, hidden);

    progress_.texts_done += batch.size();
    progress_.tokens_done += static_cast<std::size_t>(packed.tokens());
    report_progress();
  }

  void report_layer(const Batch& batch, const PackedBatch& packed, int64_t layer, const at::Tensor& hidden) const {
    if (options_.on_hidden_states) {
      const Matrix values = to_matrix(hidden);
      options_.on_hidden_states({layer, batch, packed.offsets, {values.data(), values.rows(), values.cols()}});
    }
    report_progress();
  }

  void report_progress() const {
    if (options_.on_progress && !options_.on_progress(progress_)) {
      throw Error(ErrorCode::cancelled, fmt::format("stopped by the progress callback after {} of {} texts",
                                                    progress_.texts_done, progress_.texts_total));
    }
  }

  [[nodiscard]] at::Tensor finish(const at::Tensor& vectors) const {
    const at::Tensor kept = truncate(vectors, static_cast<int64_t>(options_.truncate_dim));
    return normalize_ ? l2_normalize(kept) : kept;
  }

  void store_dense(const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
    const Matrix rows = to_matrix(finish(pool(hidden, packed, model_.info.config.pooling)));
    for (std::size_t k = 0; k < batch.size(); ++k) {
      result_.dense.row(static_cast<Eigen::Index>(batch[k])) = rows.row(static_cast<Eigen::Index>(k));
    }
  }

  void store_sparse(const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
    const at::Tensor weights = token_weights(hidden, *model_.sparse_linear).to(at::kCPU, at::kFloat).contiguous();
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto& ids = ids_[batch[k]];
      const float* begin = weights.const_data_ptr<float>() + packed.offsets[k];
      result_.sparse[batch[k]] = lexical_weights(ids, {begin, ids.size()}, special_tokens_);
    }
  }

  void store_colbert(const Batch& batch, const PackedBatch& packed, const at::Tensor& hidden) {
    const at::Tensor vectors = finish(colbert_projection(hidden, *model_.colbert_linear));
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const auto length = packed.length(static_cast<int64_t>(k));
      // Without row 0, the `<s>`, which belongs to the dense vector.
      result_.colbert[batch[k]] = to_matrix(vectors.narrow(0, packed.offsets[k] + 1, length - 1));
    }
  }

  const Model& model_;
  const EncodeOptions& options_;
  const SpecialTokens special_tokens_;
  const bool normalize_;
  const std::vector<TokenIds> ids_;
  Embeddings result_;
  Progress progress_;
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

std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length) {
  if (max_length == 0) return static_cast<std::size_t>(config.max_length);
  const auto limit = static_cast<std::size_t>(config.position_rows - config.first_position());
  if (max_length < 2 || max_length > limit) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_length should be 2 to {} tokens, found {}", limit, max_length));
  }
  return max_length;
}

Embeddings run_pipeline(const Model& model, const Tokenizer& tokenizer, std::span<const std::string_view> texts,
                        const EncodeOptions& options) {
  check_options(model, options);
  return Call(model, tokenizer, texts, options).run();
}

}  // namespace bgem3
