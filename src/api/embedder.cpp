#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/border.h"
#include "bgem3/bgem3.h"
#include "model/errors.h"
#include "model/loaded_model.h"
#include "pipeline/forward.h"
#include "pipeline/pipeline.h"

namespace bgem3 {

struct Embedder::Impl : LoadedModel {};

Embedder::Embedder(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Embedder Embedder::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return leave_as_error([&] {
    return translate_errors(
        [&] { return Embedder(share_among_handles<Impl>(load_directory(directory, options, ModelKind::embedder))); });
  });
}

Embeddings Embedder::encode(std::span<const std::string_view> texts, const EncodeOptions& options) const {
  return translate_errors([&] { return run_pipeline(*impl_, texts, options); });
}

Embeddings Embedder::encode(std::span<const std::string> texts, const EncodeOptions& options) const {
  return translate_errors([&] {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    return run_pipeline(*impl_, views, options);
  });
}

Embeddings Embedder::encode(std::initializer_list<std::string_view> texts, const EncodeOptions& options) const {
  return encode(std::span(texts.begin(), texts.size()), options);
}

Embeddings Embedder::encode_ids(std::vector<TokenIds> texts, const EncodeOptions& options) const {
  return translate_errors([&] { return run_pipeline(*impl_, std::move(texts), options); });
}

void Embedder::encode_into(std::span<const std::string_view> texts, std::span<float> output,
                           const EncodeOptions& options) const {
  if (!options.dense || options.sparse || options.colbert) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("encode_into writes dense vectors alone: dense = 1, sparse = 0, colbert = 0; found {:d}, "
                            "{:d}, {:d}",
                            options.dense, options.sparse, options.colbert));
  }
  validate(options);
  const std::size_t size = dimension(options);
  if (texts.size() > output.size() / size) {
    throw Error(ErrorCode::invalid_argument, fmt::format("the output should have room for {} x {} floats, found {}",
                                                         texts.size(), size, output.size()));
  }
  const Embeddings embeddings = encode(texts, options);
  std::copy_n(embeddings.dense.data(), embeddings.dense.size(), output.data());
}

void Embedder::validate(const EncodeOptions& options) const {
  translate_errors([&] { check_options(*impl_, options); });
}

void Embedder::check_files() const {
  translate_errors([&] { bgem3::check_files(*impl_); });
}

TokenIds Embedder::tokenize(std::string_view text, std::size_t max_length) const {
  return translate_errors(
      [&] { return impl_->tokenizer.encode(text, effective_max_length(impl_->info.config, max_length)); });
}

std::size_t Embedder::count_tokens(std::string_view text) const {
  return translate_errors([&] { return impl_->tokenizer.count_tokens(text); });
}

std::size_t Embedder::dimension(const EncodeOptions& options) const noexcept {
  return static_cast<std::size_t>(dense_size(impl_->info.config, forward_options(impl_->info.config, options)));
}

const Tokenizer& Embedder::tokenizer() const noexcept { return impl_->tokenizer; }

Statistics Embedder::statistics() const noexcept { return collect_statistics(*impl_); }

void Embedder::release_memory() const {
  translate_errors([&] { release_unused_memory(*impl_); });
}

const ModelInfo& Embedder::info() const noexcept { return impl_->info; }

}  // namespace bgem3
