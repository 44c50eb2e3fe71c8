#include "bgem3/batching_embedder.h"

#include <string_view>
#include <utility>

#include "base/border.h"
#include "base/process_mark.h"
#include "batching/batcher.h"

namespace bgem3 {

struct BatchingEmbedder::Impl {
  Impl(Tokenizer with_tokenizer, std::size_t with_max_length, EncodeIds with_encode, BatchingOptions options,
       Prompts with_prompts)
      : tokenizer(std::move(with_tokenizer)),
        max_length(with_max_length),
        encode(std::move(with_encode)),
        prompts(std::move(with_prompts)),
        batcher(make_owned_here<Batcher>(
            [this](QueuedTexts texts, const EncodeOptions& batch) { return encode(std::move(texts.ids), batch); },
            std::move(options))) {}

  // The empty embeddings of no texts.
  [[nodiscard]] Embeddings validate(const RequestOptions& request) const {
    batcher->expect_here("BatchingEmbedder");
    check_deadline(request.deadline);
    if (request.encode.on_progress || request.encode.on_hidden_states) {
      throw Error(ErrorCode::invalid_argument, "requests that share batches take no callbacks in EncodeOptions");
    }
    return leave_as_error([&] { return encode({}, request.encode); });
  }

  const Tokenizer tokenizer;
  const std::size_t max_length;
  const EncodeIds encode;
  const Prompts prompts;
  OwnedHere<Batcher> batcher;
};

// NOLINTNEXTLINE(performance-unnecessary-value-param): it cannot be moved on, arguments are computed in any order
BatchingEmbedder::BatchingEmbedder(Embedder embedder, BatchingOptions options)
    : BatchingEmbedder(
          embedder.tokenizer(), static_cast<std::size_t>(embedder.info().config.max_length),
          [embedder](std::vector<TokenIds> texts, const EncodeOptions& wanted) {
            return embedder.encode_ids(std::move(texts), wanted);
          },
          with_defaults(std::move(options), embedder.info().device), embedder.info().config.prompts) {}

BatchingEmbedder::BatchingEmbedder(Tokenizer tokenizer, std::size_t max_length, EncodeIds encode,
                                   BatchingOptions options, Prompts prompts)
    : impl_(leave_as_error([&] {
        return std::make_unique<Impl>(std::move(tokenizer), max_length, std::move(encode), std::move(options),
                                      std::move(prompts));
      })) {}

BatchingEmbedder::BatchingEmbedder(BatchingEmbedder&&) noexcept = default;
BatchingEmbedder& BatchingEmbedder::operator=(BatchingEmbedder&&) noexcept = default;
BatchingEmbedder::~BatchingEmbedder() = default;

void BatchingEmbedder::submit(std::span<const std::string> texts, RequestOptions options, Callback callback) {
  const auto started = Clock::now();
  const std::string prompt =
      leave_as_error([&] { return impl_->prompts.find(options.encode.prompt, options.encode.prompt_name); });
  options.encode.prompt.reset();  // what is queued has it
  options.encode.prompt_name.reset();
  Embeddings nothing = impl_->validate(options);  // before tokenising, which costs
  if (texts.empty()) return callback({std::move(nothing), {}, nullptr});
  leave_as_error([&] {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const std::size_t limit = options.encode.max_length == 0 ? impl_->max_length : options.encode.max_length;
    auto ids = impl_->tokenizer.encode_batch(views, limit, options.encode.tokenizer_threads, options.stop, prompt);
    impl_->batcher->push({std::move(ids), {}}, std::move(options), std::move(callback), Clock::now() - started);
  });
}

void BatchingEmbedder::submit_ids(std::vector<TokenIds> texts, RequestOptions options, Callback callback) {
  Embeddings nothing = impl_->validate(options);
  if (texts.empty()) return callback({std::move(nothing), {}, nullptr});
  leave_as_error([&] { impl_->batcher->push({std::move(texts), {}}, std::move(options), std::move(callback), {}); });
}

std::future<Embeddings> BatchingEmbedder::submit(std::span<const std::string> texts, RequestOptions options) {
  auto [callback, answer] = leave_as_error([] { return promise_of(&Outcome::embeddings); });
  submit(texts, std::move(options), std::move(callback));
  return std::move(answer);
}

std::future<Embeddings> BatchingEmbedder::submit(std::initializer_list<std::string> texts, RequestOptions options) {
  return submit(std::span(texts.begin(), texts.size()), std::move(options));
}

void BatchingEmbedder::drain() { impl_->batcher->drain(); }

BatchingStatistics BatchingEmbedder::statistics() const {
  impl_->batcher->expect_here("BatchingEmbedder");
  return impl_->batcher->statistics();
}

}  // namespace bgem3
