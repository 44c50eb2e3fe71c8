#include "server/models.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "file/file_or_pipe.h"
#include "file/json.h"
#include "server/log.h"

namespace bgem3::server {
namespace {

// The name of the directory: "bge-m3" of "/models/bge-m3/".
std::string name_of(const std::string& directory) {
  const std::filesystem::path path = std::filesystem::path(directory).lexically_normal();
  return (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
}

ModelDescription describe(const Embedder& embedder, const ServerOptions& options) {
  const ModelInfo& info = embedder.info();
  ModelDescription about;
  about.id = options.served_model_name.empty() ? name_of(options.model) : options.served_model_name;
  about.info = info;
  about.loaded =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  about.dimension = embedder.dimension();
  about.max_length = std::min(options.max_length, static_cast<std::size_t>(info.config.max_length));
  return about;
}

// "id2label" of config.json, as transformers calls the class of a model of one: "LABEL_0" where it says nothing.
std::string label_of(const std::filesystem::path& directory) {
  constexpr std::size_t bytes_max = 16 << 20;
  const auto config = parse_json(read_file_or_pipe(directory / "config.json", bytes_max));
  constexpr const char* path = "/id2label/0";
  const nlohmann::json::json_pointer label(path);
  const bool is_there = config.value.is_object() && config.value.contains(label) && config.value[label].is_string();
  return is_there ? config.value[label].get<std::string>() : "LABEL_0";
}

LogLevel log_level_of(bgem3::LogLevel level) {
  switch (level) {
    case bgem3::LogLevel::info: return LogLevel::info;
    case bgem3::LogLevel::warning: return LogLevel::warning;
    case bgem3::LogLevel::error: break;
  }
  return LogLevel::error;
}

void warm_up(const Embedder& embedder) {
  EncodeOptions options;
  options.sparse = embedder.info().has_sparse();
  options.colbert = embedder.info().has_colbert();
  (void)embedder.encode({"A text to begin with."}, options);
  (void)embedder.encode({"A text to begin with."});  // dense alone takes a shorter way
}

void load_reranker(Models& models, const ServerOptions& options, const LoadOptions& load, OnBatch on_batch) {
  if (options.reranker.empty()) return;
  const Reranker reranker = Reranker::load(options.reranker, load);
  (void)reranker.score(std::vector<TextPair>{{"A query", "A passage"}});
  models.reranker_tokenizer = reranker.tokenizer();
  models.reranker_id = name_of(options.reranker);
  models.reranker_label = label_of(options.reranker);
  models.activate = [reranker](std::span<float> logits) { reranker.activate(logits); };
  models.check_files = [reranker, check_others = std::move(models.check_files)] {
    check_others();
    reranker.check_files();
  };
  models.reranker =
      std::make_unique<BatchingReranker>(reranker, batching_options(options, ModelRole::reranker, std::move(on_batch)));
}

}  // namespace

BatchingOptions batching_options(const ServerOptions& options, ModelRole role, OnBatch on_batch) {
  BatchingOptions batching;
  batching.batch_texts = options.batch_texts;
  batching.batch_tokens = options.batch_tokens;
  batching.max_wait = options.batch_wait;
  batching.queue_texts = options.queue_texts;
  batching.on_batch = [role, tell = std::move(on_batch)](const BatchReport& batch) { tell(role, batch); };
  return batching;
}

Models load_models(const ServerOptions& options, const OnBatch& on_batch) {
  LoadOptions load;
  load.device = options.device;
  load.dtype = parse_dtype(options.dtype);
  load.threads = options.threads;
  load.cuda_graphs = options.cuda_graphs;
  load.copy = options.copy;
  load.on_log = [](bgem3::LogLevel level, std::string_view message) { log(log_level_of(level), message); };
  const Embedder embedder = Embedder::load(options.model, load);
  warm_up(embedder);
  Models models{describe(embedder, options),
                embedder.tokenizer(),
                std::make_unique<BatchingEmbedder>(embedder, batching_options(options, ModelRole::embedder, on_batch)),
                [embedder] { return embedder.statistics(); },
                nullptr,
                {},
                {},
                {},
                nullptr,
                [embedder] { embedder.check_files(); }};
  load_reranker(models, options, load, on_batch);
  return models;
}

}  // namespace bgem3::server
