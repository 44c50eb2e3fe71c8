#include <future>
#include <new>
#include <utility>

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "bgem3/bgem3.h"
#include "model/model.h"
#include "pipeline/pipeline.h"

namespace bgem3 {
namespace {

// The border of the library: what comes from below leaves as Error, what a caller's callback throws passes unchanged.
template <typename Work>
auto translate_errors(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::internal, fmt::format("LibTorch failed: {}", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory");
  }
}

void check_vocabulary(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (tokenizer.vocabulary_size() > static_cast<std::size_t>(config.vocabulary_size)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("'{}' has {} ids but config.json says vocab_size {}: tokenizer and weights do not belong "
                            "together",
                            tokenizer.source().string(), tokenizer.vocabulary_size(), config.vocabulary_size));
  }
}

}  // namespace

struct Embedder::Impl {
  Model model;
  Tokenizer tokenizer;
};

Embedder::Embedder(std::unique_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

Embedder Embedder::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return translate_errors([&] {
    // Configuration first: its errors are the clearest. Tokenizer and weights then load side by side.
    (void)read_model_config(directory);
    auto tokenizer = std::async(std::launch::async, [&] { return Tokenizer::load(directory, options.tokenizer); });
    Model model = load_model(directory, options);
    auto impl = std::make_unique<Impl>(Impl{std::move(model), tokenizer.get()});
    check_vocabulary(impl->tokenizer, impl->model.info.config);
    impl->model.info.tokenizer_file = impl->tokenizer.source();
    return Embedder(std::move(impl));
  });
}

Embeddings Embedder::encode(std::span<const std::string_view> texts, const EncodeOptions& options) const {
  return translate_errors([&] { return run_pipeline(impl_->model, impl_->tokenizer, texts, options); });
}

Embeddings Embedder::encode(std::span<const std::string> texts, const EncodeOptions& options) const {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return encode(std::span(views), options);
}

Embeddings Embedder::encode(std::initializer_list<std::string_view> texts, const EncodeOptions& options) const {
  return encode(std::span(texts.begin(), texts.size()), options);
}

TokenIds Embedder::tokenize(std::string_view text, std::size_t max_length) const {
  return impl_->tokenizer.encode(text, effective_max_length(impl_->model.info.config, max_length));
}

std::size_t Embedder::count_tokens(std::string_view text) const { return impl_->tokenizer.count_tokens(text); }

const Tokenizer& Embedder::tokenizer() const noexcept { return impl_->tokenizer; }

const ModelInfo& Embedder::info() const noexcept { return impl_->model.info; }

}  // namespace bgem3
