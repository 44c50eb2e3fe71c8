#include "pipeline/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/layers/heads.h"
#include "bgem3/tensors/packed_batch.h"
#include "pipeline/call_runner.h"
#include "pipeline/distinct_texts.h"
#include "pipeline/forward.h"
#include "pipeline/transfer.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// One call, whose texts may come in chunks.
class Call {
 public:
  Call(const LoadedModel& loaded, std::size_t texts_total, const EncodeOptions& options)
      : special_tokens_(loaded.tokenizer.special_tokens()),
        forward_options_(forward_options(loaded.info.config, options)),
        dense_size_(dense_size(loaded.info.config, forward_options_)),
        keep_all_(options.on_hidden_states),
        runner_(loaded, texts_, texts_total, forward_options_,
                {{options.batch_size, options.batch_tokens},
                 options.device,
                 {options.on_progress, options.on_hidden_states}},
                [this](const auto& batch, const auto& offsets, const auto& results) {
                  return store(batch, offsets, results);
                }) {
    // Room for all of them, should they differ: what is not written takes no memory.
    if (forward_options_.dense) distinct_.dense = Matrix(texts_total, static_cast<std::size_t>(dense_size_));
  }
  Call(const Call&) = delete;  // runner_ looks at the others
  Call& operator=(const Call&) = delete;

  void run(std::vector<TokenIds> ids) {
    if (keep_all_) {
      add_all(texts_, std::move(ids));
    } else {
      add_distinct(texts_, std::move(ids));
    }
    const std::size_t count = texts_.ids.size();
    if (forward_options_.sparse) distinct_.sparse.resize(count);
    if (forward_options_.colbert) distinct_.colbert.resize(count);
    runner_.run();
  }

  Embeddings take_results() {
    std::vector<std::size_t> token_counts;
    token_counts.reserve(texts_.ids.size());
    for (const auto& ids : texts_.ids) token_counts.push_back(ids.size());
    return {expand(texts_, std::move(distinct_.dense)), expand(texts_, std::move(distinct_.sparse)),
            expand(texts_, std::move(distinct_.colbert)), expand(texts_, std::move(token_counts))};
  }

 private:
  std::optional<std::size_t> store(const Batch& batch, const std::vector<std::int32_t>& offsets,
                                   const BatchResults& results) {
    if (*results.non_finite.const_data_ptr<std::int32_t>() != 0) return find_non_finite(offsets, results);
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const std::size_t text = batch[k];
      const int64_t begin = offsets[k], length = offsets[k + 1] - begin;
      if (forward_options_.dense) {
        const std::span<float> row = distinct_.dense.row(text);
        std::copy_n(results.dense.const_data_ptr<float>() + k * row.size(), row.size(), row.begin());
      }
      if (forward_options_.sparse) {
        const auto& ids = texts_.ids[text];
        const float* weights = results.token_weights.const_data_ptr<float>() + begin;
        distinct_.sparse[text] = lexical_weights(ids, {weights, ids.size()}, special_tokens_);
      }
      if (forward_options_.colbert) {
        distinct_.colbert[text] = to_matrix(colbert_vectors(results.colbert.narrow(0, begin, length)));
      }
    }
    return std::nullopt;
  }

  // The first text of a batch with a result that is not a number.
  static std::size_t find_non_finite(const std::vector<std::int32_t>& offsets, const BatchResults& results) {
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

  const SpecialTokens special_tokens_;
  const ForwardOptions forward_options_;
  const int64_t dense_size_;
  const bool keep_all_;
  DistinctTexts texts_;
  Embeddings distinct_;  // of the distinct texts
  CallRunner runner_;
};

// On a GPU, chunks of a call are tokenised while the one before is computed. On the CPU, the two would only take
// processors from each other.
ChunkSizes chunk_sizes(const LoadedModel& loaded, const EncodeOptions& options) {
  constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();
  if (!loaded.models.front().execution.is_queued() || options.on_hidden_states) return {everything, everything};
  constexpr std::size_t first = 64 * 1024, most = 1024 * 1024;  // about one batch of each device, and sixteen
  return {first * loaded.computing.size(), most * loaded.computing.size()};
}

}  // namespace

// CLS-pooled vectors need no more of the last layer than first tokens.
ForwardOptions forward_options(const ModelConfig& config, const EncodeOptions& options) {
  const bool dense_alone = !options.sparse && !options.colbert && !options.on_hidden_states;
  const auto wanted_dim = static_cast<std::int64_t>(options.truncate_dim);
  // sentence-transformers cuts to the dimension that a directory states after it has normalised.
  const bool cuts_normalized = wanted_dim == 0 && config.truncate_dim != 0 && config.normalize;
  return {.all_rows = !needs_first_tokens_alone(config) || !dense_alone,
          .dense = options.dense,
          .sparse = options.sparse,
          .colbert = options.colbert,
          .normalize_whole = cuts_normalized && options.normalize.value_or(true),
          .dense_dim = wanted_dim == 0 ? config.truncate_dim : wanted_dim,
          .colbert_dim = wanted_dim,
          .normalize_dense = options.normalize.value_or(config.normalize && !cuts_normalized),
          .normalize_colbert = options.normalize.value_or(config.normalize)};
}

std::size_t effective_max_length(const ModelConfig& config, std::size_t max_length) {
  if (max_length == 0) return static_cast<std::size_t>(config.max_length);
  const auto limit = static_cast<std::size_t>(config.positions());
  if (max_length < 2 || max_length > limit) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_length should be 2 to {} tokens, found {}", limit, max_length));
  }
  return max_length;
}

void check_ids(const ModelConfig& config, const TokenIds& ids, std::size_t max_length, std::string_view kind,
               std::size_t number) {
  if (ids.empty() || ids.size() > max_length) {
    throw Error(ErrorCode::invalid_argument, fmt::format("{} {} of the call should have 1 to {} token ids, found {}",
                                                         kind, number, max_length, ids.size()));
  }
  try {
    detail::check_ids(ids, config);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} {} of the call: {}", kind, number, error.what()));
  }
}

void check_options(const LoadedModel& loaded, const EncodeOptions& options) {
  const Model& model = loaded.models.front();
  const auto refuse = [&](const std::string& what) { throw Error(ErrorCode::invalid_argument, what); };
  if (!options.dense && !options.sparse && !options.colbert) {
    refuse("nothing to compute: set at least one of dense, sparse, colbert");
  }
  const auto without = [&](const char* kind, const char* file) {
    refuse(fmt::format("{} output needs {}, which {} does not have; only BGE-M3 models do", kind, file,
                       in_quotes(model.info.directory)));
  };
  if (options.sparse && !model.sparse_linear) without("sparse", "sparse_linear.pt");
  if (options.colbert && !model.colbert_linear) without("ColBERT", "colbert_linear.pt");
  const auto dimension = model.info.config.dense_size();
  if (options.truncate_dim > static_cast<std::size_t>(dimension)) {
    refuse(fmt::format("truncate_dim should be at most {}, the model's dimension, found {}", dimension,
                       options.truncate_dim));
  }
  (void)model.info.config.prompts.find(options.prompt, options.prompt_name);
  (void)effective_max_length(model.info.config, options.max_length);
  (void)find_devices(loaded, options.device);
}

Embeddings run_pipeline(const LoadedModel& loaded, std::span<const std::string_view> texts,
                        const EncodeOptions& options) {
  return run_pipeline(loaded, texts, options, chunk_sizes(loaded, options));
}

Embeddings run_pipeline(const LoadedModel& loaded, std::span<const std::string_view> texts,
                        const EncodeOptions& options, const ChunkSizes& chunks) {
  check_options(loaded, options);
  const std::size_t max_length = effective_max_length(loaded.info.config, options.max_length);
  const std::string prompt = loaded.info.config.prompts.find(options.prompt, options.prompt_name);
  Call call(loaded, texts.size(), options);
  const auto tokenize = [&](std::span<const std::string_view> chunk) {
    return loaded.tokenizer.encode_batch(chunk, max_length, options.tokenizer_threads, {}, prompt);
  };
  tokenize_ahead(texts, chunks, tokenize, [&](std::vector<TokenIds> ids) { call.run(std::move(ids)); });
  return call.take_results();
}

Embeddings run_pipeline(const LoadedModel& loaded, std::vector<TokenIds> ids, const EncodeOptions& options) {
  check_options(loaded, options);
  if (options.prompt || options.prompt_name) {
    throw Error(ErrorCode::invalid_argument, "a prompt belongs before texts; expected none with token ids");
  }
  const std::size_t max_length = effective_max_length(loaded.info.config, options.max_length);
  for (std::size_t i = 0; i < ids.size(); ++i) check_ids(loaded.info.config, ids[i], max_length, "text", i);
  Call call(loaded, ids.size(), options);
  call.run(std::move(ids));
  return call.take_results();
}

}  // namespace bgem3
