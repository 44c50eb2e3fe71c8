#include "bgem3/reranker.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "base/border.h"
#include "model/errors.h"
#include "model/loaded_model.h"
#include "model/thread_count.h"
#include "pipeline/call_runner.h"
#include "pipeline/pipeline.h"
#include "tokenizer/pairs.h"

namespace bgem3 {
namespace {

// Most tokens of a pair, of which `least` are needed.
std::size_t limit_of(const ModelConfig& config, const RerankOptions& options, std::size_t least) {
  const std::size_t pair = options.max_length == 0 ? static_cast<std::size_t>(config.max_length) : options.max_length;
  const auto positions = static_cast<std::size_t>(config.positions());
  if (pair >= least && pair <= positions) return pair;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("max_length of a pair should be {} to {} tokens, found {}", least, positions, pair));
}

PairLimits limits_of(const LoadedModel& loaded, const RerankOptions& options) {
  const std::size_t special = loaded.tokenizer.special_template().pair_size();
  const std::size_t pair = limit_of(loaded.info.config, options, special);
  if (options.truncation == PairTruncation::longest && options.query_max_length != 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("query_max_length belongs to PairTruncation::passage, expected 0 with longest, found {}",
                            options.query_max_length));
  }
  const std::size_t query = options.query_max_length == 0 ? pair * 3 / 4 : options.query_max_length;
  return {pair, std::min(query, pair - special), options.truncation};
}

PairLimits check_options(const LoadedModel& loaded, const RerankOptions& options) {
  (void)find_devices(loaded, options.device);
  return limits_of(loaded, options);
}

// Whether tokens of pairs have types. Where the encoder has none, those of the tokenizer are for nobody.
bool has_types(const LoadedModel& loaded) { return loaded.info.config.token_types > 1; }

// Types that are left out would give a plausible, wrong score.
void check_types(const LoadedModel& loaded, const PairIds& pair, std::size_t number) {
  const std::size_t found = pair.second_begin, last = pair.ids.size() - 1;
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("pair {} of the call: second_begin should be {}, found {}", number, expected, found));
  };
  if (!has_types(loaded)) {
    if (found != 0) refuse("0, because this model has tokens of one type only");
  } else if (loaded.tokenizer.special_template().has_types) {
    if (found == 0 || found > last)
      refuse(fmt::format("where the passage begins, 1 to {}: its tokens are of type 1", last));
  } else if (found > last) {
    refuse(fmt::format("0 to {}", last));
  }
}

// Scores of one batch, unless one is not a number: its place in the batch.
std::optional<std::size_t> store(const Batch& batch, const at::Tensor& logits, std::vector<float>& scores) {
  const std::span found(logits.const_data_ptr<float>(), batch.size());
  for (std::size_t k = 0; k < batch.size(); ++k) {
    if (!std::isfinite(found[k])) return k;
  }
  for (std::size_t k = 0; k < batch.size(); ++k) scores[batch[k]] = found[k];
  return std::nullopt;
}

// Of pairs that fit the model.
std::vector<float> score_checked(const LoadedModel& loaded, std::vector<PairIds> pairs, const RerankOptions& options) {
  const std::size_t count = pairs.size();
  const auto texts = find_distinct(std::move(pairs), has_types(loaded));
  std::vector<float> scores(texts.ids.size());
  const auto keep = [&](const Batch& batch, const std::vector<std::int32_t>&, const BatchResults& results) {
    return store(batch, results.relevance, scores);
  };
  CallRunner(loaded, texts, count, {.relevance = true},
             {{options.batch_size, options.batch_tokens}, options.device, {options.on_progress, {}}}, keep)
      .run();
  return expand(texts, std::move(scores));
}

}  // namespace

struct Reranker::Impl : LoadedModel {};

Reranker::Reranker(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
Reranker Reranker::load(const std::filesystem::path& directory, const LoadOptions& options) {
  return leave_as_error([&] {
    return translate_errors(
        [&] { return Reranker(share_among_handles<Impl>(load_directory(directory, options, ModelKind::reranker))); });
  });
}

std::vector<float> Reranker::score(std::span<const TextPair> pairs, const RerankOptions& options) const {
  auto ids = tokenize(pairs, options);
  return translate_errors([&] { return score_checked(*impl_, std::move(ids), options); });
}

void Reranker::activate(std::span<float> logits) const {
  translate_errors([&] {
    const ThreadCount threads(ThreadCount::usable(0));
    const at::Tensor values = at::from_blob(logits.data(), {static_cast<std::int64_t>(logits.size())}, at::kFloat);
    values.copy_(impl_->models.front().score_activation(values));
  });
}

std::vector<PairIds> Reranker::tokenize(std::span<const TextPair> pairs, const RerankOptions& options,
                                        const std::stop_token& stop) const {
  return translate_errors([&] {
    const PairLimits limits = check_options(*impl_, options);
    auto ids = encode_pairs(impl_->tokenizer, pairs, limits, options.tokenizer_threads, stop);
    if (!has_types(*impl_)) {
      for (auto& pair : ids) pair.second_begin = 0;
    }
    return ids;
  });
}

void Reranker::validate(const RerankOptions& options) const {
  translate_errors([&] { (void)check_options(*impl_, options); });
}

void Reranker::check_files() const {
  translate_errors([&] { bgem3::check_files(*impl_); });
}

std::vector<float> Reranker::score_ids(std::vector<PairIds> pairs, const RerankOptions& options) const {
  return translate_errors([&] {
    (void)find_devices(*impl_, options.device);
    const std::size_t limit = limit_of(impl_->info.config, options, 1);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      check_ids(impl_->info.config, pairs[i].ids, limit, "pair", i);
      check_types(*impl_, pairs[i], i);
    }
    return score_checked(*impl_, std::move(pairs), options);
  });
}

std::vector<RankedPassage> Reranker::rank(std::string_view query, std::span<const std::string_view> passages,
                                          std::size_t top, const RerankOptions& options) const {
  std::vector<TextPair> pairs;
  pairs.reserve(passages.size());
  for (const auto passage : passages) pairs.push_back({query, passage});
  const std::vector<float> scores = score(pairs, options);
  std::vector<RankedPassage> ranked;
  ranked.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) ranked.push_back({i, scores[i]});
  std::ranges::stable_sort(ranked, std::ranges::greater(), &RankedPassage::score);
  if (top != 0 && top < ranked.size()) ranked.resize(top);
  return ranked;
}

const Tokenizer& Reranker::tokenizer() const noexcept { return impl_->tokenizer; }

const ModelInfo& Reranker::info() const noexcept { return impl_->info; }

void Reranker::release_memory() const {
  translate_errors([&] { release_unused_memory(*impl_); });
}

}  // namespace bgem3
