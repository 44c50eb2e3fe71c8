#include "model/loaded_model.h"

#include <malloc.h>

#include <future>
#include <limits>

#include <fmt/format.h>

#include "model/cuda_device.h"
#include "model/execution.h"
#include "model/thread_count.h"

namespace bgem3 {
namespace {

void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (tokenizer.vocabulary_size() > static_cast<std::size_t>(config.vocabulary_size)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("'{}' has {} ids but config.json says vocab_size {}: tokenizer and weights do not belong "
                            "together",
                            tokenizer.source().string(), tokenizer.vocabulary_size(), config.vocabulary_size));
  }
}

}  // namespace

void release_unused_memory(const Model& model) {
  model.state->tokens_fit = std::numeric_limits<std::size_t>::max();
  model.state->streams.drop_graphs();
  model.state->streams.graph_use.has_failed = false;
  if (model.execution.device.is_cuda()) release_cuda_memory();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

LoadedModel load_directory(const std::filesystem::path& directory, const LoadOptions& options, ModelKind kind) {
  // What was asked for and the configuration first: their errors are the clearest, and come at once. Tokenizer and
  // weights then load side by side, where there is a thread to be had.
  const Execution execution = choose_execution(options);
  const ModelConfig config = read_model_config(directory);
  const auto policy = std::launch::async | std::launch::deferred;
  TokenizerOptions tokenizer_options = options.tokenizer;
  if (tokenizer_options.threads == 0) tokenizer_options.threads = execution.threads;
  auto tokenizer = std::async(policy, [&] { return Tokenizer::load(directory, tokenizer_options); });
  Model model = [&] {
    // Weights are packed by as many threads as use them: oneDNN may choose the layout by their number.
    const ThreadCount threads(execution.device.is_cpu() ? execution.threads : 0);
    return load_model(directory, options, execution, config, kind);
  }();
  LoadedModel loaded{.model = std::move(model), .tokenizer = tokenizer.get()};
  check_vocabulary(loaded.tokenizer, loaded.model.info.config);
  loaded.model.info.tokenizer_file = loaded.tokenizer.source();
  return loaded;
}

}  // namespace bgem3
