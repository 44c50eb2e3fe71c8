#include "bgem3/tokenizer.h"
#include "bgem3/detail/message.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/border.h"
#include "base/processors.h"
#include "bgem3/error.h"
#include "text/utf8.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/alignment.h"
#include "tokenizer/load_vocabulary.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/offset_recorder.h"
#include "tokenizer/parallel.h"
#include "tokenizer/unigram.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/words.h"

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

void check_max_length(std::size_t max_length) {
  if (max_length == 1) {
    throw Error(ErrorCode::invalid_argument,
                "max_length should be 0 (no limit) or at least 2, found 1: <s> and </s> take 2");
  }
}

// Long texts are taken in parts, so that what lies beyond max_length costs nothing. A part ends where the tokens on
// both sides do not depend on each other: between a printable ASCII character and a space.
std::size_t find_chunk_end(std::string_view text) noexcept {
  constexpr std::size_t chunk_bytes = 16 * 1024;
  auto end = std::min(text.find(' ', chunk_bytes), text.size());
  while (end < text.size() && (text[end - 1] <= ' ' || text[end - 1] > '~')) {
    end = std::min(text.find(' ', end + 1), text.size());
  }
  return end;
}

// The text between two added tokens, or behind the last.
std::string_view between(std::string_view text, const AddedTokenFinder::Match& last,
                         const std::optional<AddedTokenFinder::Match>& next) noexcept {
  const std::size_t end = next ? next->begin : text.size();
  return text.substr(last.end, end > last.end ? end - last.end : 0);
}

// The byte of `text` from which each byte of utf8::repair(text), and its end, comes.
Alignment align_repaired(std::string_view text) {
  Alignment alignment;
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Part part = utf8::next_part(text, at);
    constexpr std::size_t replacement_bytes = 3;  // of U+FFFD
    alignment.insert(alignment.end(), part.is_character ? part.size : replacement_bytes, at);
    at += part.size;
  }
  alignment.push_back(text.size());
  return alignment;
}

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::cancelled, "tokenising was stopped");
}

// Starting a thread pays only for some tens of microseconds of work.
unsigned choose_threads(std::span<const std::string_view> texts, unsigned wanted) {
  constexpr std::size_t bytes_per_thread = 16 * 1024;
  std::size_t bytes = 0;
  for (const auto text : texts) bytes += text.size();
  return static_cast<unsigned>(std::min({std::size_t{wanted}, texts.size(), 1 + bytes / bytes_per_thread}));
}

}  // namespace

struct Tokenizer::Impl {
  // Working memory of one thread.
  struct Scratch {
    std::string prompted;
    std::string normal;
    std::string word;
    Unigram::Scratch unigram;
    std::stop_token stop;
    OffsetRecorder* recorder = nullptr;  // where places are wanted

    Alignment* alignment() noexcept { return recorder != nullptr ? &recorder->alignment() : nullptr; }
  };

  Impl(LoadedVocabulary loaded, const TokenizerOptions& options)
      : source(std::move(loaded.source)),
        words(loaded.vocabulary.words),
        merged_space(loaded.vocabulary.merged_space),
        strips_right(loaded.vocabulary.strips_right),
        trims_offsets(loaded.vocabulary.trims_offsets),
        truncate_left(loaded.truncate_left),
        threads(options.threads == 0 ? default_threads() : options.threads),
        normalizer(Charsmap(loaded.vocabulary.charsmap)),
        unigram(loaded.vocabulary),
        pieces(std::move(loaded.vocabulary.pieces)) {
    std::vector<AddedToken> raw;
    std::vector<AddedToken> normalized;
    for (const auto& token : loaded.tokens) {
      if (*token.id == static_cast<std::int32_t>(pieces.size())) pieces.add(token.content);
      if (token.content == mask_name) special.mask = *token.id;
      (token.is_normalized ? normalized : raw).push_back(token);
    }
    for (auto& token : normalized) {
      std::string normal;
      normalizer.append(token.content, normal);
      strip_end(normal, nullptr);
      may_reach_past_spaces |= token.takes_space_after || normal.find(' ') != std::string::npos;
      merge_runs(normal, nullptr);
      token.content = std::move(normal);
    }
    raw_tokens = AddedTokenFinder(std::move(raw));
    normalized_tokens = AddedTokenFinder(std::move(normalized));
  }

  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length, Scratch& scratch) const;
  [[nodiscard]] TokenIds encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                                Scratch& scratch) const;
  [[nodiscard]] TokensWithOffsets encode_with_offsets(std::string_view text, std::size_t max_length,
                                                      const std::stop_token& stop) const;
  template <typename Tokens>
  void cut(Tokens& tokens, std::size_t room) const;
  void normalize(std::string_view part, bool is_end, Scratch& scratch) const;
  void strip_end(std::string& normal, Alignment* alignment) const;
  void merge_runs(std::string& normal, Alignment* alignment) const;
  void encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_normal(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  void encode_words(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;

  fs::path source;
  WordRule words;
  std::optional<std::string_view> merged_space;
  bool strips_right;
  bool trims_offsets;
  bool truncate_left;
  unsigned threads;  // of a batch, unless the call says
  SpecialTokens special;
  Normalizer normalizer;
  Unigram unigram;
  PieceTable pieces;  // and added tokens
  AddedTokenFinder raw_tokens{{}};
  AddedTokenFinder normalized_tokens{{}};
  bool may_reach_past_spaces = false;  // one of these, so that texts cannot be taken apart at spaces
};

TokenIds Tokenizer::Impl::encode(std::string_view text, std::size_t max_length, Scratch& scratch) const {
  std::string repaired;
  if (utf8::valid_prefix(text) != text.size()) text = repaired = utf8::repair(text);

  const std::size_t room = max_length == 0 ? SIZE_MAX : max_length - 1;  // before the final </s>
  // An unknown token has its place only when the next token is there.
  const std::size_t wanted = scratch.recorder != nullptr && room != SIZE_MAX ? room + 1 : room;
  const std::size_t ids_max = truncate_left ? SIZE_MAX : wanted;
  TokenIds ids = {special.cls};
  // Added tokens written in the text count as such; what lies between them is tokenised piece by piece.
  AddedTokenFinder::Match last;
  while (last.resume < text.size() && ids.size() < ids_max) {
    check_stop(scratch.stop);
    const auto found = raw_tokens.find(text, last);
    encode_part(between(text, last, found), ids_max, scratch, ids);
    if (!found) break;
    if (!found->is_taken()) {
      ids.push_back(found->id);
      if (scratch.recorder != nullptr) scratch.recorder->add_token(found->begin, found->end);
    }
    last = *found;
  }
  if (ids.size() > room) cut(ids, room);
  ids.push_back(special.eos);
  return ids;
}

// After the first special token.
template <typename Tokens>
void Tokenizer::Impl::cut(Tokens& tokens, std::size_t room) const {
  const auto surplus = static_cast<std::ptrdiff_t>(tokens.size() - room);
  const auto first = truncate_left ? tokens.begin() + 1 : tokens.end() - surplus;
  tokens.erase(first, first + surplus);
}

TokensWithOffsets Tokenizer::Impl::encode_with_offsets(std::string_view text, std::size_t max_length,
                                                       const std::stop_token& stop) const {
  const bool is_valid = utf8::valid_prefix(text) == text.size();
  const std::string repaired = is_valid ? std::string() : utf8::repair(text);
  OffsetRecorder recorder(is_valid ? text : std::string_view(repaired));
  recorder.add_special();
  Scratch scratch;
  scratch.stop = stop;
  scratch.recorder = &recorder;
  TokensWithOffsets result{.ids = encode(is_valid ? text : repaired, max_length, scratch), .offsets = {}};
  auto& offsets = recorder.offsets();
  if (offsets.size() >= result.ids.size()) cut(offsets, result.ids.size() - 1);
  recorder.add_special();
  if (!is_valid) {
    const Alignment alignment = align_repaired(text);
    for (auto& each : offsets) {
      each.begin = alignment[each.begin];
      each.end = alignment[each.end];
    }
  }
  result.offsets = std::move(offsets);
  return result;
}

// Tokens may reach across the end of the prompt.
TokenIds Tokenizer::Impl::encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                                 Scratch& scratch) const {
  if (prompt.empty()) return encode(text, max_length, scratch);
  scratch.prompted = prompt;
  scratch.prompted += text;
  return encode(scratch.prompted, max_length, scratch);
}

// `is_end`: of the text.
void Tokenizer::Impl::normalize(std::string_view part, bool is_end, Scratch& scratch) const {
  scratch.normal.clear();
  if (scratch.recorder == nullptr) {
    normalizer.append(part, scratch.normal);
  } else {
    scratch.recorder->alignment().clear();
    normalizer.append(part, scratch.recorder->begin_of(part), scratch.normal, scratch.recorder->alignment());
  }
  if (is_end) strip_end(scratch.normal, scratch.alignment());
}

void Tokenizer::Impl::strip_end(std::string& normal, Alignment* alignment) const {
  if (!strips_right) return;
  normal.resize(strip_right(normal).size());
  if (alignment != nullptr) alignment->resize(normal.size());
}

void Tokenizer::Impl::merge_runs(std::string& normal, Alignment* alignment) const {
  if (merged_space) merge_spaces(normal, *merged_space, alignment);
}

void Tokenizer::Impl::encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  // Places depend on how the part begins.
  const bool is_whole = may_reach_past_spaces || scratch.recorder != nullptr;
  while (!part.empty() && ids.size() < ids_max) {
    const auto chunk = part.substr(0, is_whole ? part.size() : find_chunk_end(part));
    part.remove_prefix(chunk.size());
    normalize(chunk, /*is_end=*/part.empty(), scratch);
    // Otherwise what cuts it into words does.
    if (words != WordRule::merge_spaces || !normalized_tokens.is_empty())
      merge_runs(scratch.normal, scratch.alignment());
    encode_normal(scratch.normal, ids_max, scratch, ids);
  }
}

void Tokenizer::Impl::encode_normal(std::string_view normal, std::size_t ids_max, Scratch& scratch,
                                    TokenIds& ids) const {
  AddedTokenFinder::Match last;
  while (last.resume < normal.size() && ids.size() < ids_max) {
    const auto found = normalized_tokens.find(normal, last);
    encode_words(between(normal, last, found), ids_max, scratch, ids);
    if (!found) break;
    if (!found->is_taken()) {
      ids.push_back(found->id);
      if (scratch.recorder != nullptr) scratch.recorder->add_normal_token(found->begin, found->end);
    }
    last = *found;
  }
}

// `normal` is a view into that of `scratch`.
void Tokenizer::Impl::encode_words(std::string_view normal, std::size_t ids_max, Scratch& scratch,
                                   TokenIds& ids) const {
  WordSplitter splitter(normal, words);
  auto* const ends = scratch.recorder != nullptr ? &scratch.recorder->ends() : nullptr;
  while (ids.size() < ids_max && splitter.next(scratch.word)) {
    check_stop(scratch.stop);
    unigram.segment(scratch.word, ids_max, scratch.unigram, ids, ends);
    if (ends != nullptr) {
      const auto begin = static_cast<std::size_t>(normal.data() - scratch.normal.data());
      scratch.recorder->add_word(splitter, begin);
    }
  }
}

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
    LoadedVocabulary loaded = load_vocabulary(directory, options);
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
    check_max_length(max_length);
    Impl::Scratch scratch;
    return impl_->encode(text, max_length, scratch);
  });
}

TokensWithOffsets Tokenizer::encode_with_offsets(std::string_view text, std::size_t max_length,
                                                 const std::stop_token& stop) const {
  return leave_as_error([&] {
    check_max_length(max_length);
    if (impl_->trims_offsets) {
      throw Error(
          ErrorCode::invalid_argument,
          fmt::format("{}: offsets are not supported beside 'trim_offsets' of RobertaProcessing; encode() has the "
                      "ids alone",
                      in_quotes(impl_->source)));
    }
    return impl_->encode_with_offsets(text, max_length, stop);
  });
}

std::vector<TokenIds> Tokenizer::encode_batch(std::span<const std::string_view> texts, std::size_t max_length,
                                              unsigned threads, const std::stop_token& stop,
                                              std::string_view prompt) const {
  return leave_as_error([&] {
    check_max_length(max_length);
    std::vector<TokenIds> results(texts.size());
    detail::share_indices(texts.size(), choose_threads(texts, threads == 0 ? impl_->threads : threads),
                          [&](const auto& next) {
                            Impl::Scratch scratch;
                            scratch.stop = stop;
                            while (const auto text = next()) {
                              results[*text] = impl_->encode(prompt, texts[*text], max_length, scratch);
                            }
                          });
    return results;
  });
}

std::size_t Tokenizer::count_tokens(std::string_view text) const { return encode(text).size(); }

std::string_view Tokenizer::piece(std::int32_t id) const noexcept {
  const bool known = id >= 0 && static_cast<std::size_t>(id) < impl_->pieces.size();
  return impl_->pieces[static_cast<std::size_t>(known ? id : impl_->special.unk)];
}

std::size_t Tokenizer::vocabulary_size() const noexcept { return impl_->pieces.size(); }

const SpecialTokens& Tokenizer::special_tokens() const noexcept { return impl_->special; }

bool Tokenizer::truncates_left() const noexcept { return impl_->truncate_left; }

const fs::path& Tokenizer::source() const noexcept { return impl_->source; }

}  // namespace bgem3
