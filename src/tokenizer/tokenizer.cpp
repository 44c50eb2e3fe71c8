#include "bgem3/tokenizer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/border.h"
#include "base/processors.h"
#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "tokenizer/files/load_tokenizer.h"
#include "tokenizer/files/vocabulary.h"
#include "tokenizer/parallel.h"
#include "tokenizer/piece_table.h"
#include "tokenizer/text_pipeline.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

constexpr std::pair<TokenizerPipeline, std::string_view> pipeline_names[] = {
    {TokenizerPipeline::automatic, "auto"},
    {TokenizerPipeline::transformers_5, "transformers-5"},
    {TokenizerPipeline::tokenizer_json, "tokenizer-json"},
    {TokenizerPipeline::classic, "classic"},
    {TokenizerPipeline::replace, "replace"},
};

// Starting a thread pays only for some tens of microseconds of work.
unsigned choose_threads(std::span<const std::string_view> texts, unsigned wanted) {
  constexpr std::size_t bytes_per_thread = 16 * 1024;
  std::size_t bytes = 0;
  for (const auto text : texts) bytes += text.size();
  return static_cast<unsigned>(std::min({std::size_t{wanted}, texts.size(), 1 + bytes / bytes_per_thread}));
}

}  // namespace

struct Tokenizer::Impl {
  Impl(LoadedTokenizer loaded, const TokenizerOptions& options)
      : source(std::move(loaded.source)),
        model_type(loaded.model_type),
        special(loaded.special),
        named(std::move(loaded.named)),
        truncate_left(loaded.truncate_left),
        threads(options.threads == 0 ? default_threads() : options.threads),
        pieces(std::exchange(loaded.steps.pieces, {})),
        pipeline(std::move(loaded.steps), loaded.tokens, truncate_left) {
    for (const auto& token : loaded.tokens) {
      if (token.is_special) special_ids.push_back(*token.id);
      if (*token.id == static_cast<std::int32_t>(pieces.size())) pieces.add(token.content);
    }
    std::ranges::sort(special_ids);
  }

  [[nodiscard]] bool is_piece(std::int32_t id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < pieces.size();
  }

  void check_max_length(std::size_t max_length) const {
    const std::size_t least = pipeline.steps().around.size();
    if (max_length == 0 || max_length >= least) return;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("max_length should be 0 (no limit) or at least {}, found {}: {} and {} take {}", least,
                            max_length, pieces[static_cast<std::size_t>(special.cls)],
                            pieces[static_cast<std::size_t>(special.eos)], least));
  }

  fs::path source;
  std::string_view model_type;
  SpecialTokens special;
  std::map<std::string, std::string> named;
  std::vector<std::int32_t> special_ids;  // sorted
  bool truncate_left;
  unsigned threads;   // of a batch, unless the call says
  PieceTable pieces;  // and added tokens
  TextPipeline pipeline;
};

std::string to_string(TokenizerPipeline pipeline) {
  for (const auto& [known, name] : pipeline_names) {
    if (known == pipeline) return std::string(name);
  }
  return "unknown";
}

TokenizerPipeline parse_pipeline(std::string_view name) {
  std::string names;
  for (const auto& [pipeline, known] : pipeline_names) {
    if (known == name) return pipeline;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("pipeline should be one of {}; found {}", names, in_quotes(name)));
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const fs::path& directory, const TokenizerOptions& options) {
  return leave_as_error([&] {
    LoadedTokenizer loaded = load_tokenizer(directory, options);
    const fs::path source = loaded.source;
    try {
      return Tokenizer(std::make_shared<const Impl>(std::move(loaded), options));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", in_quotes(source), error.what()));
    }
  });
}

TokenIds Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  return leave_as_error([&] {
    impl_->check_max_length(max_length);
    auto scratch = impl_->pipeline.make_scratch();
    return impl_->pipeline.encode(text, max_length, scratch);
  });
}

TokensWithOffsets Tokenizer::encode_with_offsets(std::string_view text, std::size_t max_length,
                                                 const std::stop_token& stop) const {
  return leave_as_error([&] {
    impl_->check_max_length(max_length);
    // tokenizers trims an unknown token by the text that it stands for, which this vocabulary does not tell.
    if (impl_->pipeline.steps().trim && impl_->model_type == unigram_type) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}: offsets are not supported where a Unigram model has 'trim_offsets' of "
                              "RobertaProcessing; encode() has the ids alone",
                              in_quotes(impl_->source)));
    }
    return impl_->pipeline.encode_with_offsets(text, max_length, impl_->pieces, stop);
  });
}

std::vector<TokenIds> Tokenizer::encode_batch(std::span<const std::string_view> texts, std::size_t max_length,
                                              unsigned threads, const std::stop_token& stop,
                                              std::string_view prompt) const {
  return leave_as_error([&] {
    impl_->check_max_length(max_length);
    std::vector<TokenIds> results(texts.size());
    detail::share_indices(texts.size(), choose_threads(texts, threads == 0 ? impl_->threads : threads),
                          [&](const auto& next) {
                            auto scratch = impl_->pipeline.make_scratch(stop);
                            while (const auto text = next()) {
                              results[*text] = impl_->pipeline.encode(prompt, texts[*text], max_length, scratch);
                            }
                          });
    return results;
  });
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  return leave_as_error([&] {
    std::vector<std::string_view> pieces;
    pieces.reserve(ids.size());
    for (const auto id : ids) {
      const bool is_skipped = skip_special_tokens && std::ranges::binary_search(impl_->special_ids, id);
      if (!is_skipped && impl_->is_piece(id)) pieces.push_back(impl_->pieces[static_cast<std::size_t>(id)]);
    }
    return decode_pieces(pieces);
  });
}

std::string Tokenizer::decode_pieces(std::span<const std::string_view> pieces) const {
  return leave_as_error([&] {
    const auto* const decoder = impl_->pipeline.steps().decoder.get();
    if (decoder == nullptr) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{}: its decoder is not supported; expected Metaspace, WordPiece or ByteLevel",
                              in_quotes(impl_->source)));
    }
    std::string text;
    for (std::size_t i = 0; i < pieces.size(); ++i) decoder->append(pieces[i], i == 0, text);
    decoder->finish(text);
    return text;
  });
}

std::size_t Tokenizer::count_tokens(std::string_view text) const { return encode(text).size(); }

std::string_view Tokenizer::piece(std::int32_t id) const noexcept {
  if (!impl_->is_piece(id)) id = impl_->special.unk;
  return impl_->is_piece(id) ? impl_->pieces[static_cast<std::size_t>(id)] : std::string_view();
}

std::size_t Tokenizer::vocabulary_size() const noexcept { return impl_->pieces.size(); }

const SpecialTokens& Tokenizer::special_tokens() const noexcept { return impl_->special; }

const std::map<std::string, std::string>& Tokenizer::named_tokens() const noexcept { return impl_->named; }

std::span<const std::int32_t> Tokenizer::special_ids() const noexcept { return impl_->special_ids; }

const TokenTemplate& Tokenizer::special_template() const noexcept { return impl_->pipeline.steps().around; }

bool Tokenizer::truncates_left() const noexcept { return impl_->truncate_left; }

std::string_view Tokenizer::model_type() const noexcept { return impl_->model_type; }

bool Tokenizer::lowers_letters() const noexcept { return impl_->pipeline.steps().normalizer->lowers(); }

const fs::path& Tokenizer::source() const noexcept { return impl_->source; }

}  // namespace bgem3
