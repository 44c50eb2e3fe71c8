#include "tokenizer/text_pipeline.h"

#include <algorithm>
#include <utility>

#include "bgem3/error.h"
#include "text/utf8.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {
namespace {

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

}  // namespace

TextPipeline::TextPipeline(const Vocabulary& vocabulary, const std::vector<AddedToken>& tokens,
                           const SpecialTokens& special, bool truncate_left)
    : words_(vocabulary.words),
      merged_space_(vocabulary.merged_space),
      strips_right_(vocabulary.strips_right),
      truncate_left_(truncate_left),
      special_(special),
      normalizer_(Charsmap(vocabulary.charsmap)),
      unigram_(vocabulary) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (const auto& token : tokens) (token.is_normalized ? normalized : raw).push_back(token);
  for (auto& token : normalized) {
    std::string normal;
    normalizer_.append(token.content, normal);
    strip_end(normal, nullptr);
    may_reach_past_spaces_ |= token.takes_space_after || normal.find(' ') != std::string::npos;
    merge_runs(normal, nullptr);
    token.content = std::move(normal);
  }
  raw_tokens_ = AddedTokenFinder(std::move(raw));
  normalized_tokens_ = AddedTokenFinder(std::move(normalized));
}

TokenIds TextPipeline::encode(std::string_view text, std::size_t max_length, Scratch& scratch) const {
  std::string repaired;
  if (utf8::valid_prefix(text) != text.size()) text = repaired = utf8::repair(text);

  const std::size_t room = max_length == 0 ? SIZE_MAX : max_length - 1;  // before the final </s>
  // An unknown token has its place only when the next token is there.
  const std::size_t wanted = scratch.recorder != nullptr && room != SIZE_MAX ? room + 1 : room;
  const std::size_t ids_max = truncate_left_ ? SIZE_MAX : wanted;
  TokenIds ids = {special_.cls};
  // Added tokens written in the text count as such; what lies between them is tokenised piece by piece.
  AddedTokenFinder::Match last;
  while (last.resume < text.size() && ids.size() < ids_max) {
    check_stop(scratch.stop);
    const auto found = raw_tokens_.find(text, last);
    encode_part(between(text, last, found), ids_max, scratch, ids);
    if (!found) break;
    if (!found->is_taken()) {
      ids.push_back(found->id);
      if (scratch.recorder != nullptr) scratch.recorder->add_token(found->begin, found->end);
    }
    last = *found;
  }
  if (ids.size() > room) cut(ids, room);
  ids.push_back(special_.eos);
  return ids;
}

// After the first special token.
template <typename Tokens>
void TextPipeline::cut(Tokens& tokens, std::size_t room) const {
  const auto surplus = static_cast<std::ptrdiff_t>(tokens.size() - room);
  const auto first = truncate_left_ ? tokens.begin() + 1 : tokens.end() - surplus;
  tokens.erase(first, first + surplus);
}

TokensWithOffsets TextPipeline::encode_with_offsets(std::string_view text, std::size_t max_length,
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

TokenIds TextPipeline::encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                              Scratch& scratch) const {
  if (prompt.empty()) return encode(text, max_length, scratch);
  scratch.prompted = prompt;
  scratch.prompted += text;
  return encode(scratch.prompted, max_length, scratch);
}

// `is_end`: of the text.
void TextPipeline::normalize(std::string_view part, bool is_end, Scratch& scratch) const {
  scratch.normal.clear();
  if (scratch.recorder == nullptr) {
    normalizer_.append(part, scratch.normal);
  } else {
    scratch.recorder->alignment().clear();
    normalizer_.append(part, scratch.recorder->begin_of(part), scratch.normal, scratch.recorder->alignment());
  }
  if (is_end) strip_end(scratch.normal, scratch.alignment());
}

void TextPipeline::strip_end(std::string& normal, Alignment* alignment) const {
  if (!strips_right_) return;
  normal.resize(strip_right(normal).size());
  if (alignment != nullptr) alignment->resize(normal.size());
}

void TextPipeline::merge_runs(std::string& normal, Alignment* alignment) const {
  if (merged_space_) merge_spaces(normal, *merged_space_, alignment);
}

void TextPipeline::encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  // Places depend on how the part begins.
  const bool is_whole = may_reach_past_spaces_ || scratch.recorder != nullptr;
  while (!part.empty() && ids.size() < ids_max) {
    const auto chunk = part.substr(0, is_whole ? part.size() : find_chunk_end(part));
    part.remove_prefix(chunk.size());
    normalize(chunk, /*is_end=*/part.empty(), scratch);
    // Otherwise what cuts it into words does.
    if (words_ != WordRule::merge_spaces || !normalized_tokens_.is_empty())
      merge_runs(scratch.normal, scratch.alignment());
    encode_normal(scratch.normal, ids_max, scratch, ids);
  }
}

void TextPipeline::encode_normal(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  AddedTokenFinder::Match last;
  while (last.resume < normal.size() && ids.size() < ids_max) {
    const auto found = normalized_tokens_.find(normal, last);
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
void TextPipeline::encode_words(std::string_view normal, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  WordSplitter splitter(normal, words_);
  auto* const ends = scratch.recorder != nullptr ? &scratch.recorder->ends() : nullptr;
  while (ids.size() < ids_max && splitter.next(scratch.word)) {
    check_stop(scratch.stop);
    unigram_.segment(scratch.word, ids_max, scratch.unigram, ids, ends);
    if (ends != nullptr) {
      const auto begin = static_cast<std::size_t>(normal.data() - scratch.normal.data());
      scratch.recorder->add_word(splitter, begin);
    }
  }
}

}  // namespace bgem3
