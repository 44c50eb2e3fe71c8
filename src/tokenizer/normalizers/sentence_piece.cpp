#include "tokenizer/normalizers/sentence_piece.h"

#include <algorithm>
#include <iterator>

#include "text/white_space.h"
#include "tokenizer/component_json.h"
#include "tokenizer/files/base64.h"

namespace bgem3 {
namespace {

using detail::member;

// What a step that replaces runs of spaces puts there; nothing for another step.
std::optional<std::string_view> find_merged_space(const nlohmann::json& step) {
  static constexpr std::string_view known[] = {" ", "▁"};
  if (detail::type_of(step) != "Replace" || member(member(step, "pattern"), "Regex") != " {2,}") return std::nullopt;
  const auto* found = std::ranges::find(known, detail::text_or(member(step, "content"), ""));
  return found == std::end(known) ? std::nullopt : std::optional(*found);
}

bool strips_right(const nlohmann::json& step) {
  return detail::type_of(step) == "Strip" && member(step, "strip_left") == false && member(step, "strip_right") == true;
}

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const Options& options)
    : charsmap_(Charsmap(options.charsmap)), strips_right_(options.strips_right), merged_space_(options.merged_space) {}

void SentencePieceNormalizer::normalize(const TextPart& part, std::string& normal, Alignment* alignment) const {
  if (alignment == nullptr) {
    charsmap_.append(part.text, normal);
  } else {
    charsmap_.append(part.text, part.begin, normal, *alignment);
  }
  if (strips_right_ && part.is_end) {
    normal.resize(strip_right(normal).size());
    if (alignment != nullptr) alignment->resize(normal.size());
  }
  if (merged_space_) merge_spaces(normal, *merged_space_, alignment);
}

std::string read_charsmap(const nlohmann::json& step) {
  const auto decoded = detail::decode_base64(detail::text_or(member(step, "precompiled_charsmap"), "?"));
  if (!decoded) detail::bad_tokenizer("precompiled_charsmap is not base64");
  return *decoded;
}

SentencePieceNormalizer::Options read_sentence_piece_normalizer(const std::vector<nlohmann::json>& steps) {
  SentencePieceNormalizer::Options options;
  std::size_t at = 0;
  if (at < steps.size() && detail::type_of(steps[at]) == "Precompiled") options.charsmap = read_charsmap(steps[at++]);
  if (at < steps.size() && strips_right(steps[at])) {
    options.strips_right = true;
    ++at;
  }
  if (at < steps.size()) options.merged_space = find_merged_space(steps[at]);
  if (options.merged_space) ++at;
  if (at < steps.size()) {
    detail::refuse_component("normalizer", steps[at],
                             "BertNormalizer alone, or Precompiled, Strip of the right end, Replace of the pattern "
                             "\" {2,}\" by a space or \"▁\", all optional");
  }
  return options;
}

}  // namespace bgem3
