#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bgem3/batching_embedder.h"
#include "bgem3/batching_reranker.h"
#include "server/options.h"

namespace bgem3::server {

/// What clients are told of the model.
struct ModelDescription {
  std::string id;
  ModelInfo info;
  std::int64_t loaded = 0;  ///< when, in seconds since 1970
  std::size_t dimension = 0;
  std::size_t max_length = 0;  ///< tokens of a text, longer ones are cut
};

/// Each model has a queue of its own.
enum class ModelRole { embedder, reranker };

/// What a server computes with.
struct Models {
  ModelDescription about;
  Tokenizer tokenizer;
  std::unique_ptr<BatchingEmbedder> embedder;
  std::function<Statistics()> statistics;
  std::unique_ptr<BatchingReranker> reranker;  ///< null without a cross-encoder
  std::string reranker_id;
  std::optional<Tokenizer> reranker_tokenizer;
  std::string reranker_label;  ///< of its one class, as its directory calls it
  std::function<void(std::span<float>)> activate =
      nullptr;                                ///< turns logits of the cross-encoder into what it calls scores
  std::function<void()> check_files = [] {};  ///< throws Error model_changed as Embedder::check_files, of all
};

using OnBatch = std::function<void(ModelRole role, const BatchReport& batch)>;

/// Loads models, and computes once with each, so that the first request does not pay for it.
using LoadModels = std::function<Models(const ServerOptions& options, const OnBatch& on_batch)>;

/// The real ones.
/// @throws Error as Embedder::load
Models load_models(const ServerOptions& options, const OnBatch& on_batch);

/// How the options of a server translate for the model of that role.
BatchingOptions batching_options(const ServerOptions& options, ModelRole role, OnBatch on_batch);

}  // namespace bgem3::server
