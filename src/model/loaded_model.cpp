#include "model/loaded_model.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/model_directory.h"
#include "config/model_files.h"
#include "file/watched_memory.h"
#include "model/cuda_device.h"
#include "model/execution.h"
#include "model/log.h"
#include "model/thread_count.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (tokenizer.vocabulary_size() > static_cast<std::size_t>(config.vocabulary_size)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("{} has {} ids but config.json says vocab_size {}: tokenizer and weights do not belong "
                            "together",
                            in_quotes(tokenizer.source()), tokenizer.vocabulary_size(), config.vocabulary_size));
  }
}

// Where it lowers letters itself, another step before it changes nothing.
void refuse_lowercase(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (!config.lowercase || tokenizer.lowers_letters()) return;
  throw Error(ErrorCode::bad_model, fmt::format("{} is true, which is not supported where the tokenizer tells capitals "
                                                "from small letters, as that of {} does",
                                                config.sources.at("do_lower_case"), in_quotes(tokenizer.source())));
}

// Which end of which text of a pair that would be is a question of its own.
void refuse_left_truncation(const Tokenizer& tokenizer) {
  if (!tokenizer.truncates_left()) return;
  throw Error(ErrorCode::bad_model, fmt::format("{}: truncation_side 'left' is not supported for pairs; expected "
                                                "'right'",
                                                in_quotes(tokenizer.source().parent_path())));
}

// What transformers looks up where no row is.
void refuse_missing_types(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (!tokenizer.special_template().has_types || config.token_types != 1) return;
  throw Error(ErrorCode::bad_model,
              fmt::format("{} gives the second text of a pair token type 1, but config.json says type_vocab_size 1: "
                          "tokenizer and weights do not belong together",
                          in_quotes(tokenizer.source())));
}

using LoadModel = std::function<Model(const Execution&)>;

// LoadedModel::models and LoadedModel::computing.
std::pair<std::vector<Model>, std::vector<std::size_t>> load_on_devices(const std::vector<Execution>& executions,
                                                                        const LoadModel& load) {
  std::vector<Model> models;
  std::vector<std::size_t> computing;
  for (const auto& execution : executions) {
    const auto device_of = [](const Model& model) { return model.execution.device; };
    const auto same = std::ranges::find(models, execution.device, device_of);
    computing.push_back(static_cast<std::size_t>(same - models.begin()));
    if (same == models.end()) models.push_back(load(execution));
  }
  return {std::move(models), std::move(computing)};
}

// Of the first device, with the names of all.
ModelInfo describe(const LoadedModel& loaded) {
  ModelInfo info = loaded.models.front().info;
  info.device.clear();
  for (const auto i : loaded.computing) info.device += (info.device.empty() ? "" : ",") + loaded.models[i].info.device;
  info.tokenizer_file = loaded.tokenizer.source();
  return info;
}

// Which of the two readings it is decides about every vector.
void tell_assumption(const Log& log, const ModelInfo& info) {
  if (!has_assumed_pooling(info.config)) return;
  const bool as_m3 = info.config.normalize;
  log.warn("{} has no modules.json, which would state the pooling: {} pooling, {}, as {} reads such a directory",
           in_quotes(info.directory), to_string(info.config.pooling), as_m3 ? "normalised" : "not normalised",
           as_m3 ? "FlagEmbedding" : "sentence-transformers");
}

// The handler of mapped files is of no use any more.
void tell_taken_signal(const Log& log, const LoadedModel& loaded) {
  const auto is_mapped = [](const Model& model) { return model.files->are_mapped(); };
  if (WatchedMemory::handles_signal() || std::ranges::none_of(loaded.models, is_mapped)) return;
  log.warn(
      "another part of this process has taken SIGBUS since the first model was loaded: if a file in {} is cut "
      "shorter, the process ends; load with `copy`, or take SIGBUS before the first model is loaded",
      in_quotes(loaded.info.directory));
}

void expect_not_lost(const LoadedModel& loaded) {
  if (!is_lost_by_fork(loaded)) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("this model was loaded on '{}' before fork(), and CUDA does not work in a forked child; load "
                          "it in the child, and start that without fork() if its parent has used CUDA",
                          loaded.info.device));
}

}  // namespace

bool is_lost_by_fork(const LoadedModel& loaded) {
  return !loaded.process.is_here() && loaded.models.front().execution.is_queued();
}

Statistics collect_statistics(const LoadedModel& loaded) noexcept {
  Statistics sum;
  std::size_t fit = std::numeric_limits<std::size_t>::max();
  for (const auto& model : loaded.models) {
    sum.recomputed_batches += model.state->recomputed_batches;
    sum.graph_batches += model.state->streams.graph_use.batches;
    fit = std::min<std::size_t>(fit, model.state->tokens_fit);
  }
  sum.batch_tokens_fit = fit == std::numeric_limits<std::size_t>::max() ? 0 : fit;
  return sum;
}

void release_unused_memory(const LoadedModel& loaded) {
  expect_not_lost(loaded);
  for (const auto& model : loaded.models) {
    model.state->tokens_fit = std::numeric_limits<std::size_t>::max();
    model.state->streams.drop_graphs();
    model.state->streams.graph_use.has_failed = false;
  }
  if (loaded.models.front().execution.is_queued()) release_cuda_memory();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void check_files(const LoadedModel& loaded) {
  for (const auto& model : loaded.models) {
    const auto change = model.files->find_change();
    if (!change) continue;
    if (model.files->is_news()) model.state->log.error("{}", *change);
    throw Error(ErrorCode::model_changed, *change);
  }
}

std::vector<std::size_t> find_devices(const LoadedModel& loaded, const std::string& device) {
  expect_not_lost(loaded);
  const std::string& wanted = device == "cuda" ? "cuda:0" : device;
  std::vector<std::size_t> found;
  for (const auto i : loaded.computing) {
    if (wanted.empty() || loaded.models[i].info.device == wanted) found.push_back(i);
  }
  if (found.empty()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("device {} is not among those of this model, '{}'", in_quotes(device), loaded.info.device));
  }
  return found;
}

LoadedModel load_directory(const std::filesystem::path& path, const LoadOptions& options, ModelKind kind) {
  const auto started = std::chrono::steady_clock::now();
  // What was asked for and the configuration first: their errors are the clearest, and come at once. Tokenizer and
  // weights then load side by side, where there is a thread to be had.
  const std::vector<Execution> executions = choose_executions(options);
  const std::filesystem::path directory = find_model_directory(path);
  const ModelConfig config = read_model_config(directory, kind);
  const auto policy = std::launch::async | std::launch::deferred;
  TokenizerOptions tokenizer_options = options.tokenizer;
  if (!tokenizer_options.truncate_left) tokenizer_options.truncate_left = config.truncate_left;
  if (tokenizer_options.threads == 0) tokenizer_options.threads = executions.front().threads;
  const auto tokenizer = make_owned_here<std::future<Tokenizer>>(
      std::async(policy, [&] { return Tokenizer::load(config.encoder_directory(directory), tokenizer_options); }));
  auto [models, computing] = load_on_devices(executions, [&](const Execution& execution) {
    // Weights are packed by as many threads as use them: oneDNN may choose the layout by their number.
    const ThreadCount threads(ThreadCount::usable(execution.is_queued() ? 0 : execution.threads));
    return load_model(directory, options, execution, config, kind);
  });
  auto use = std::make_unique<DeviceUse>(models.size());
  tokenizer.get_deleter().process.expect_here("model");  // on_log may have forked
  LoadedModel loaded{std::move(models), std::move(computing), tokenizer->get(), {}, std::move(use)};
  check_vocabulary(loaded.tokenizer, config);
  refuse_lowercase(loaded.tokenizer, config);
  if (kind == ModelKind::reranker) {
    refuse_left_truncation(loaded.tokenizer);
    refuse_missing_types(loaded.tokenizer, config);
  }
  loaded.info = describe(loaded);
  const Log log(options.on_log);
  if (kind == ModelKind::embedder) tell_assumption(log, loaded.info);
  tell_taken_signal(log, loaded);
  log.info("{} is loaded in {:.1f} s: {} layers, {} parameters, {} on {}, {} threads", in_quotes(directory),
           std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(), config.layers,
           loaded.info.parameters, to_string(loaded.info.dtype), loaded.info.device, loaded.info.threads);
  return loaded;
}

}  // namespace bgem3
