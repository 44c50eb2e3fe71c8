#include "tokenizer/text_pipeline.h"

#include <algorithm>
#include <utility>

#include "bgem3/error.h"
#include "text/utf8.h"

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

TextPipeline::TextPipeline(TokenizerSteps steps, const std::vector<AddedToken>& tokens, bool truncate_left)
    : steps_(std::move(steps)), truncate_left_(truncate_left) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (const auto& token : tokens) (token.is_normalized ? normalized : raw).push_back(token);
  for (auto& token : normalized) {
    may_reach_past_spaces_ |= token.takes_space_after || token.content.find(' ') != std::string::npos;
    std::string normal;
    steps_.normalizer->normalize({.text = token.content}, normal, nullptr);
    may_reach_past_spaces_ |= normal.find(' ') != std::string::npos;
    token.content = std::move(normal);
  }
  raw_tokens_ = AddedTokenFinder(std::move(raw));
  normalized_tokens_ = AddedTokenFinder(std::move(normalized));
}

TextPipeline::Scratch TextPipeline::make_scratch(std::stop_token stop) const {
  return {.prompted = {},
          .normal = {},
          .word = {},
          .model = steps_.model->make_scratch(),
          .stop = std::move(stop),
          .recorder = nullptr};
}

TokenIds TextPipeline::encode(std::string_view text, std::size_t max_length, Scratch& scratch) const {
  std::string repaired;
  if (utf8::valid_prefix(text) != text.size()) text = repaired = utf8::repair(text);

  const auto& around = steps_.around;
  const std::size_t room = max_length == 0 ? SIZE_MAX : max_length - around.after.size();
  // An unknown token has its place only when the next token is there.
  const std::size_t wanted = scratch.recorder != nullptr && room != SIZE_MAX ? room + 1 : room;
  const std::size_t ids_max = truncate_left_ ? SIZE_MAX : wanted;
  TokenIds ids = around.before;
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
  ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

// Behind the first special tokens.
template <typename Tokens>
void TextPipeline::cut(Tokens& tokens, std::size_t room) const {
  const auto surplus = static_cast<std::ptrdiff_t>(tokens.size() - room);
  const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(steps_.around.before.size());
  const auto first = truncate_left_ ? begin : tokens.end() - surplus;
  tokens.erase(first, first + surplus);
}

TokensWithOffsets TextPipeline::encode_with_offsets(std::string_view text, std::size_t max_length,
                                                    const PieceTable& pieces, const std::stop_token& stop) const {
  const bool is_valid = utf8::valid_prefix(text) == text.size();
  const std::string repaired = is_valid ? std::string() : utf8::repair(text);
  const std::string_view valid = is_valid ? text : repaired;
  OffsetRecorder recorder(valid);
  const auto& around = steps_.around;
  recorder.add_special(around.before.size());
  Scratch scratch = make_scratch(stop);
  scratch.recorder = &recorder;
  TokensWithOffsets result{.ids = encode(valid, max_length, scratch), .offsets = {}};
  auto& offsets = recorder.offsets();
  const std::size_t kept = result.ids.size() - around.after.size();
  if (offsets.size() > kept) cut(offsets, kept);
  recorder.add_special(around.after.size());
  result.offsets = std::move(offsets);
  if (steps_.trim) trim_offsets(*steps_.trim, valid, pieces, around, result);
  if (is_valid) return result;
  const Alignment alignment = align_repaired(text);
  for (auto& each : result.offsets) {
    each.begin = alignment[each.begin];
    each.end = alignment[each.end];
  }
  return result;
}

TokenIds TextPipeline::encode(std::string_view prompt, std::string_view text, std::size_t max_length,
                              Scratch& scratch) const {
  if (prompt.empty()) return encode(text, max_length, scratch);
  scratch.prompted = prompt;
  scratch.prompted += text;
  return encode(scratch.prompted, max_length, scratch);
}

// `is_end`: of what lies between two added tokens.
void TextPipeline::normalize(std::string_view part, bool is_end, Scratch& scratch) const {
  scratch.normal.clear();
  auto* const recorder = scratch.recorder;
  if (recorder != nullptr) recorder->alignment().clear();
  const std::size_t begin = recorder != nullptr ? recorder->begin_of(part) : 0;
  steps_.normalizer->normalize({part, begin, is_end}, scratch.normal,
                               recorder != nullptr ? &recorder->alignment() : nullptr);
}

void TextPipeline::encode_part(std::string_view part, std::size_t ids_max, Scratch& scratch, TokenIds& ids) const {
  // Places depend on how the part begins.
  const bool is_whole = may_reach_past_spaces_ || scratch.recorder != nullptr;
  while (!part.empty() && ids.size() < ids_max) {
    const auto chunk = part.substr(0, is_whole ? part.size() : find_chunk_end(part));
    part.remove_prefix(chunk.size());
    normalize(chunk, /*is_end=*/part.empty(), scratch);
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
  WordCursor cursor(normal, scratch.word);
  auto* const ends = scratch.recorder != nullptr ? &scratch.recorder->ends() : nullptr;
  while (ids.size() < ids_max && steps_.pre_tokenizer->next(cursor)) {
    check_stop(scratch.stop);
    steps_.model->segment(cursor.word, ids_max, *scratch.model, ids, ends);
    if (ends != nullptr) {
      const auto begin = static_cast<std::size_t>(normal.data() - scratch.normal.data());
      scratch.recorder->add_word(cursor, begin);
    }
  }
}

}  // namespace bgem3
