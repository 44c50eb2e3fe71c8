#include "bgem3/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "border.h"
#include "file/mapped_file.h"
#include "processors.h"
#include "tokenizer/json_score.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/parallel.h"
#include "tokenizer/unigram.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/words.h"

namespace bgem3 {
namespace {

namespace fs = std::filesystem;

Vocabulary read_vocabulary(const fs::path& file, TokenizerPipeline pipeline) {
  constexpr std::size_t bytes_max = 256 << 20;  // XLM-R's are 5 and 17 MB
  try {
    const std::string bytes = read_text_file(file, bytes_max);
    auto vocabulary = file.extension() == ".json" ? read_tokenizer_json(bytes) : read_sentencepiece_model(bytes);
    if (pipeline == TokenizerPipeline::replace) {
      for (double& score : vocabulary.scores) score = detail::as_read_from_json(score);
    }
    return vocabulary;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("'{}': {}", file.string(), error.what()));
  }
}

// The sentencepiece model loads faster; the other pipeline is what tokenizer.json says.
fs::path find_tokenizer_file(const fs::path& path, TokenizerPipeline pipeline) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) return path;
  std::array<const char*, 2> names = {"sentencepiece.bpe.model", "tokenizer.json"};
  if (pipeline == TokenizerPipeline::replace) std::swap(names[0], names[1]);
  for (const char* name : names) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  if (fs::exists(path / "vocab.txt", ignored)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("'{}' has a WordPiece vocabulary (vocab.txt), which is not supported; expected the "
                            "XLM-RoBERTa vocabulary: sentencepiece.bpe.model or tokenizer.json",
                            path.string()));
  }
  throw Error(
      ErrorCode::bad_model,
      fmt::format("'{}' has no tokenizer; expected sentencepiece.bpe.model or tokenizer.json in it", path.string()));
}

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
    std::string normal;
    std::string word;
    Unigram::Scratch unigram;
    std::stop_token stop;
  };

  Impl(const fs::path& file, const TokenizerOptions& options)
      : Impl(file, options, read_vocabulary(file, options.pipeline)) {}

  Impl(fs::path file, const TokenizerOptions& options, Vocabulary vocabulary)
      : source(std::move(file)),
        pipeline(options.pipeline),
        threads(options.threads == 0 ? default_threads() : options.threads),
        special(vocabulary.special),
        mask_takes_space_before(vocabulary.mask_takes_space_before),
        normalizer(Charsmap(vocabulary.charsmap)),
        unigram(vocabulary),
        pieces(std::move(vocabulary.pieces)) {}

  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length, Scratch& scratch) const;
  void encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const;
  [[nodiscard]] std::int32_t special_id(SpecialName name) const noexcept;

  fs::path source;
  TokenizerPipeline pipeline;
  unsigned threads;  // of a batch, unless the call says
  SpecialTokens special;
  bool mask_takes_space_before;
  Normalizer normalizer;
  Unigram unigram;
  PieceTable pieces;
};

std::int32_t Tokenizer::Impl::special_id(SpecialName name) const noexcept {
  switch (name) {
    case SpecialName::cls: return special.cls;
    case SpecialName::pad: return special.pad;
    case SpecialName::eos: return special.eos;
    case SpecialName::unk: return special.unk;
    case SpecialName::mask: return special.mask;
  }
  return special.unk;
}

TokenIds Tokenizer::Impl::encode(std::string_view text, std::size_t max_length, Scratch& scratch) const {
  std::string repaired;
  if (utf8::valid_prefix(text) != text.size()) text = repaired = utf8::repair(text);

  const std::size_t ids_max = max_length == 0 ? SIZE_MAX : max_length - 1;  // before the final </s>
  TokenIds ids = {special.cls};
  // Special tokens written in the text count as such; what lies between them is tokenised piece by piece.
  while (!text.empty() && ids.size() < ids_max) {
    check_stop(scratch.stop);
    const auto found = find_special(text);
    std::string_view before = text.substr(0, found ? found->begin : text.size());
    if (found && found->name == SpecialName::mask && mask_takes_space_before) before = strip_right(before);
    encode_part(before, ids_max, scratch, ids);
    if (!found) break;
    ids.push_back(special_id(found->name));
    text.remove_prefix(found->begin + found->size);
  }
  if (ids.size() > ids_max) ids.resize(ids_max);
  ids.push_back(special.eos);
  return ids;
}

void Tokenizer::Impl::encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  while (!part.empty() && ids.size() < ids_max) {
    const auto chunk = part.substr(0, find_chunk_end(part));
    part.remove_prefix(chunk.size());
    scratch.normal.clear();
    normalizer.append(chunk, scratch.normal);
    WordSplitter words(scratch.normal, pipeline);
    while (ids.size() < ids_max && words.next(scratch.word)) {
      check_stop(scratch.stop);
      unigram.segment(scratch.word, ids_max, scratch.unigram, ids);
    }
  }
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const fs::path& directory, const TokenizerOptions& options) {
  return leave_as_error([&] {
    return Tokenizer(std::make_shared<const Impl>(find_tokenizer_file(directory, options.pipeline), options));
  });
}

TokenIds Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  return leave_as_error([&] {
    check_max_length(max_length);
    Impl::Scratch scratch;
    return impl_->encode(text, max_length, scratch);
  });
}

std::vector<TokenIds> Tokenizer::encode_batch(std::span<const std::string_view> texts, std::size_t max_length,
                                              unsigned threads, const std::stop_token& stop) const {
  return leave_as_error([&] {
    check_max_length(max_length);
    std::vector<TokenIds> results(texts.size());
    detail::share_indices(texts.size(), choose_threads(texts, threads == 0 ? impl_->threads : threads),
                          [&](const auto& next) {
                            Impl::Scratch scratch;
                            scratch.stop = stop;
                            while (const auto text = next())
                              results[*text] = impl_->encode(texts[*text], max_length, scratch);
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

const fs::path& Tokenizer::source() const noexcept { return impl_->source; }

}  // namespace bgem3
