#include "tokenizer/files/post_processor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/component_json.h"

namespace bgem3 {
namespace {

using detail::member;
using detail::text_or;
using Json = nlohmann::json;

constexpr std::size_t parts_max = 64;

[[noreturn]] void refuse(const Json& processor) {
  detail::refuse_component(
      "post_processor", processor,
      "TemplateProcessing with the same special tokens before and after one text and two, between them further ones, "
      "and "
      "all of type_id 0 or, from the second text on, 1; or BertProcessing; or RobertaProcessing with both its flags");
}

// An id that a file says.
std::optional<std::int32_t> read_id(const Json& id) {
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX) return std::nullopt;
  return id.get<std::int32_t>();
}

// A part of a template: special tokens, or one of the texts A and B.
struct Part {
  std::string text;
  TokenIds ids;
  bool has_type_1 = false;
};

std::optional<Part> read_part(const Json& json, const Json& special_tokens) {
  const Json& special = member(json, "SpecialToken");
  const Json& sequence = member(json, "Sequence");
  const Json& type = member(special.is_null() ? sequence : special, "type_id");
  if (type != 0 && type != 1) return std::nullopt;
  Part part;
  part.has_type_1 = type == 1;
  if (special.is_null()) {
    part.text = text_or(member(sequence, "id"), "");
    return part.text == "A" || part.text == "B" ? std::optional(part) : std::nullopt;
  }
  const Json& ids = member(member(special_tokens, text_or(member(special, "id"), "?").c_str()), "ids");
  if (!ids.is_array() || ids.empty() || ids.size() > parts_max) return std::nullopt;
  for (const auto& each : ids) {
    const auto id = read_id(each);
    if (!id) return std::nullopt;
    part.ids.push_back(*id);
  }
  return part;
}

std::optional<std::vector<Part>> read_parts(const Json& list, const Json& special_tokens) {
  if (!list.is_array() || list.size() > parts_max) return std::nullopt;
  std::vector<Part> parts;
  for (const auto& json : list) {
    auto part = read_part(json, special_tokens);
    if (!part) return std::nullopt;
    parts.push_back(*std::move(part));
  }
  return parts;
}

// The special tokens before, between and after `texts`; nothing when these do not stand there in this order.
std::optional<std::vector<TokenIds>> split_at(std::string_view texts, const std::vector<Part>& parts) {
  std::vector<TokenIds> groups(1);
  for (const auto& part : parts) {
    if (part.text.empty()) {
      groups.back().insert(groups.back().end(), part.ids.begin(), part.ids.end());
      continue;
    }
    if (groups.size() > texts.size() || part.text[0] != texts[groups.size() - 1]) return std::nullopt;
    groups.emplace_back();
  }
  return groups.size() == texts.size() + 1 ? std::optional(groups) : std::nullopt;
}

// Whether types are those of TokenTemplate: 0 up to the second text, from there on 0 or, as `second` says, 1.
bool has_known_types(const std::vector<Part>& parts, bool second) {
  bool expected = false;
  return std::ranges::all_of(parts, [&](const Part& part) {
    expected |= second && part.text == "B";
    return part.has_type_1 == expected;
  });
}

std::optional<TokenTemplate> read_template(const Json& processor) {
  const Json& tokens = member(processor, "special_tokens");
  const auto single = read_parts(member(processor, "single"), tokens);
  const auto pair = read_parts(member(processor, "pair"), tokens);
  if (!single || !pair) return std::nullopt;
  const auto of_one = split_at("A", *single), of_two = split_at("AB", *pair);
  const bool has_types = std::ranges::any_of(*pair, &Part::has_type_1);
  if (!of_one || !of_two || !has_known_types(*single, false) || !has_known_types(*pair, has_types)) return std::nullopt;
  const TokenIds &before = of_one->front(), &after = of_one->back();
  const bool is_same = of_two->front() == before && of_two->back() == after;
  if (!is_same || before.empty() || after.empty()) return std::nullopt;
  return TokenTemplate{.before = before, .after = after, .between = (*of_two)[1], .has_types = has_types};
}

// The [token, id] of BertProcessing and RobertaProcessing.
std::optional<TokenIds> read_pair(const Json& pair) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string()) return std::nullopt;
  const auto id = read_id(pair[1]);
  return id ? std::optional(TokenIds{*id}) : std::nullopt;
}

std::optional<TokenTemplate> read_separators(const Json& processor, bool is_roberta) {
  const auto cls = read_pair(member(processor, "cls")), sep = read_pair(member(processor, "sep"));
  if (!cls || !sep) return std::nullopt;
  TokenTemplate found{.before = *cls, .after = *sep, .between = *sep, .has_types = !is_roberta};
  if (is_roberta) found.between.push_back(sep->front());
  return found;
}

}  // namespace

// A RobertaProcessing that lacks one of its flags is BertProcessing to tokenizers.
void read_post_processor(const Json& processor, TokenizerSteps& steps) {
  const std::string type = detail::type_of(processor);
  const bool is_roberta = type == "RobertaProcessing" && member(processor, "trim_offsets").is_boolean() &&
                          member(processor, "add_prefix_space").is_boolean();
  std::optional<TokenTemplate> around;
  if (type == "TemplateProcessing") around = read_template(processor);
  if (type == "BertProcessing" || is_roberta) around = read_separators(processor, is_roberta);
  if (!around) refuse(processor);
  steps.around = *std::move(around);
  if (is_roberta && member(processor, "trim_offsets") == true) {
    steps.trim = OffsetTrim{.keeps_first = member(processor, "add_prefix_space") == true};
  }
}

}  // namespace bgem3
