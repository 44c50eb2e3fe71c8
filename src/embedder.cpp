#include <utility>

#include "bgem3/bgem3.h"
#include "model/errors.h"
#include "model/loaded_model.h"
#include "pipeline/batch_runner.h"
#include "pipeline/pipeline.h"

namespace bgem3 {

struct Embedder::Impl : LoadedModel {};

Embedder::Embedder(std::unique_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

Embedder Embedder::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return translate_errors([&] {
    return Embedder(std::make_unique<const Impl>(Impl{load_directory(directory, options, ModelKind::embedder)}));
  });
}

Embeddings Embedder::encode(std::span<const std::string_view> texts, const EncodeOptions& options) const {
  return translate_errors([&] { return run_pipeline(impl_->model, impl_->tokenizer, texts, options); });
}

Embeddings Embedder::encode(std::span<const std::string> texts, const EncodeOptions& options) const {
  return translate_errors([&] {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    return run_pipeline(impl_->model, impl_->tokenizer, views, options);
  });
}

Embeddings Embedder::encode(std::initializer_list<std::string_view> texts, const EncodeOptions& options) const {
  return encode(std::span(texts.begin(), texts.size()), options);
}

Embeddings Embedder::encode_ids(std::vector<TokenIds> texts, const EncodeOptions& options) const {
  return translate_errors([&] { return run_pipeline(impl_->model, impl_->tokenizer, std::move(texts), options); });
}

TokenIds Embedder::tokenize(std::string_view text, std::size_t max_length) const {
  return translate_errors(
      [&] { return impl_->tokenizer.encode(text, effective_max_length(impl_->model.info.config, max_length)); });
}

std::size_t Embedder::count_tokens(std::string_view text) const {
  return translate_errors([&] { return impl_->tokenizer.count_tokens(text); });
}

const Tokenizer& Embedder::tokenizer() const noexcept { return impl_->tokenizer; }

Statistics Embedder::statistics() const noexcept {
  const RunState& state = *impl_->model.state;
  const std::size_t tokens = state.tokens_fit;
  return {state.recomputed_batches, tokens == std::numeric_limits<std::size_t>::max() ? 0 : tokens,
          state.streams.graph_use.batches};
}

void Embedder::release_memory() const {
  translate_errors([&] { release_unused_memory(impl_->model); });
}

const ModelInfo& Embedder::info() const noexcept { return impl_->model.info; }

}  // namespace bgem3
