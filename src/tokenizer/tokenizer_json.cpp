#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/json_object.h"
#include "file/json.h"
#include "tokenizer/base64.h"
#include "tokenizer/token_json.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

using detail::JsonObject;
using Json = nlohmann::json;

constexpr std::size_t steps_max = 64;  // of a component

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "tokenizer.json: " + what); }

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text_or(const Json& value, const char* otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

std::string type_of(const Json& object) { return text_or(member(object, "type"), "none"); }

void check_model(const Json& model) {
  // WordPiece files of old tokenizers carry no type but this prefix.
  const bool word_piece = model.is_object() && model.contains("continuing_subword_prefix");
  std::string type = type_of(model);
  if (type == "none") type = word_piece ? "WordPiece" : member(model, "vocab").is_array() ? "Unigram" : "typeless";
  if (type != "Unigram")
    bad(fmt::format("a {} model is not supported; expected Unigram, as XLM-RoBERTa has", detail::in_one_line(type)));
  if (member(model, "byte_fallback") == true) bad("byte_fallback is not supported");
  const Json& unknown = member(model, "unk_id");
  if (unknown != 3)
    bad(fmt::format("model.unk_id should be 3, as XLM-RoBERTa has, found {}", JsonObject::brief(unknown)));
}

std::string decode_charsmap(const Json& step) {
  const auto decoded = detail::decode_base64(text_or(member(step, "precompiled_charsmap"), "?"));
  if (!decoded) bad("precompiled_charsmap is not base64");
  return *decoded;
}

std::vector<Json> steps_of(const Json& component, const char* key) {
  if (component.is_null()) return {};
  if (type_of(component) != "Sequence") return {component};
  const Json& steps = member(component, key);
  if (!steps.is_array() || steps.size() > steps_max) {
    bad(fmt::format("'{}' should be a list of at most {} steps", key, steps_max));
  }
  return steps.get<std::vector<Json>>();
}

// The first table of rules, whatever else there is: transformers 5 takes no more of a normalizer for XLM-RoBERTa.
std::string find_charsmap(const Json& normalizer) {
  for (const auto& step : steps_of(normalizer, "normalizers")) {
    if (type_of(step) == "Precompiled") return decode_charsmap(step);
  }
  return {};
}

// A closed list: what is not in it would change ids. `role`: where the component stands.
[[noreturn]] void refuse(const char* role, const Json& component, const char* expected) {
  bad(fmt::format("{} {} is not supported; expected {}", role, JsonObject::brief(component), expected));
}

constexpr std::string_view merged_spaces[] = {" ", "▁"};

// What a step that replaces runs of spaces puts there; nothing for another step.
std::optional<std::string_view> find_merged_space(const Json& step) {
  if (type_of(step) != "Replace" || member(member(step, "pattern"), "Regex") != " {2,}") return std::nullopt;
  const auto* found = std::ranges::find(merged_spaces, text_or(member(step, "content"), ""));
  return found == std::end(merged_spaces) ? std::nullopt : std::optional(*found);
}

bool strips_right(const Json& step) {
  return type_of(step) == "Strip" && member(step, "strip_left") == false && member(step, "strip_right") == true;
}

bool is_metaspace(const Json& step) {
  const bool always = member(step, "prepend_scheme") == "always" ||
                      (member(step, "prepend_scheme").is_null() && member(step, "add_prefix_space") == true);
  return type_of(step) == "Metaspace" && member(step, "replacement") == "▁" && always && member(step, "split") != false;
}

void read_normalizer(const Json& normalizer, Vocabulary& vocabulary) {
  auto steps = steps_of(normalizer, "normalizers");
  std::size_t at = 0;
  if (at < steps.size() && type_of(steps[at]) == "Precompiled") vocabulary.charsmap = decode_charsmap(steps[at++]);
  if (at < steps.size() && strips_right(steps[at])) {
    vocabulary.strips_right = true;
    ++at;
  }
  if (at < steps.size()) vocabulary.merged_space = find_merged_space(steps[at]);
  if (vocabulary.merged_space) ++at;
  if (at < steps.size()) {
    refuse("normalizer", steps[at],
           "Precompiled, Strip of the right end, Replace of the pattern \" {2,}\" by a space or \"▁\", all optional");
  }
}

void read_pre_tokenizer(const Json& pre_tokenizer, Vocabulary& vocabulary) {
  const auto steps = steps_of(pre_tokenizer, "pretokenizers");
  const bool splits = steps.size() == 2 && type_of(steps[0]) == "WhitespaceSplit" && is_metaspace(steps[1]);
  const bool marks = steps.size() == 1 && is_metaspace(steps[0]) && vocabulary.merged_space;
  if (!splits && !marks) {
    refuse("pre_tokenizer", pre_tokenizer,
           "Metaspace with \"▁\" prepended always, after WhitespaceSplit or a normalizer that merges spaces");
  }
  vocabulary.words = splits ? WordRule::split_white_space : WordRule::merge_spaces;
}

// The parts of a template in short: "<s> A </s>". No model of this kind has other token types than 0.
std::string template_of(const Json& parts) {
  std::string text;
  if (!parts.is_array() || parts.size() > steps_max) return text;
  for (const auto& part : parts) {
    const Json& special = member(part, "SpecialToken");
    const Json& token = special.is_null() ? member(part, "Sequence") : special;
    const bool has_type_0 = member(token, "type_id") == 0;
    text += (text.empty() ? "" : " ") + text_or(member(token, "id"), "?") + (has_type_0 ? "" : ":?");
  }
  return text;
}

// The ids that a template has for its tokens.
bool has_ids(const Json& processor, const char* content, std::int32_t id) {
  return member(member(member(processor, "special_tokens"), content), "ids") == Json::array({id});
}

bool is_token(const Json& pair, const char* content, std::int32_t id) {
  return pair.is_array() && pair.size() == 2 && pair[0] == content && pair[1] == id;
}

// `<s>` and `</s>` around a text, and two `</s>` between the texts of a pair. A RobertaProcessing that lacks one of its
// flags is BertProcessing to tokenizers, which puts one `</s>` between them.
void read_post_processor(const Json& processor, Vocabulary& vocabulary) {
  const std::string type = type_of(processor);
  const bool is_template = type == "TemplateProcessing" && template_of(member(processor, "single")) == "<s> A </s>" &&
                           template_of(member(processor, "pair")) == "<s> A </s> </s> B </s>" &&
                           has_ids(processor, "<s>", 0) && has_ids(processor, "</s>", 2);
  const bool is_roberta = type == "RobertaProcessing" && is_token(member(processor, "cls"), "<s>", 0) &&
                          is_token(member(processor, "sep"), "</s>", 2) &&
                          member(processor, "trim_offsets").is_boolean() &&
                          member(processor, "add_prefix_space").is_boolean();
  if (!is_template && !is_roberta) {
    refuse(
        "post_processor", processor,
        "TemplateProcessing of <s> A </s> and <s> A </s> </s> B </s>, all of type_id 0; or RobertaProcessing of these "
        "with both its flags");
  }
  vocabulary.trims_offsets = is_roberta && member(processor, "trim_offsets") == true;
}

// transformers takes it for the pad token, and so for an added token, where no other file says one.
void check_padding(const Json& padding) {
  if (!padding.is_null() && member(padding, "pad_token") != "<pad>") {
    refuse("padding", padding, "\"pad_token\": \"<pad>\"");
  }
}

void read_as_written(const Json& json, Vocabulary& vocabulary) {
  read_normalizer(member(json, "normalizer"), vocabulary);
  read_pre_tokenizer(member(json, "pre_tokenizer"), vocabulary);
  read_post_processor(member(json, "post_processor"), vocabulary);
  check_padding(member(json, "padding"));
}

// Takes the entries of model.vocab out of the document while it is parsed: as JSON values the 250,000 of them would
// need 100 MB.
class PieceCollector : public JsonWatch {
 public:
  explicit PieceCollector(Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  void key(std::size_t depth, const std::string& name) override {
    if (depth >= entry_depth) return;
    if (depth == 1) in_model_ = name == "model";
    in_vocabulary_ = depth == 2 && in_model_ && name == "vocab";
  }

  bool keep(std::size_t depth, const Json& value) override {
    if (!in_vocabulary_ || depth != entry_depth || !value.is_array()) return true;
    add(value);
    return false;
  }

 private:
  static constexpr std::size_t entry_depth = 3;

  void add(const Json& entry) {
    const bool well_formed = entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
    if (!well_formed) bad(fmt::format("entry {} of model.vocab should be [piece, score]", vocabulary_.pieces.size()));
    vocabulary_.add(entry[0].get_ref<const std::string&>(), entry[1].get<double>());
  }

  Vocabulary& vocabulary_;
  bool in_model_ = false;
  bool in_vocabulary_ = false;
};

void check_special_tokens(const Vocabulary& vocabulary) {
  if (vocabulary.pieces.size() <= std::size(special_names)) bad("model.vocab should be a list of pieces with scores");
  for (std::size_t id = 0; id < std::size(special_names); ++id) {
    if (vocabulary.pieces[id] != special_names[id]) {
      bad(
          fmt::format("id {} should be '{}', found {}; this is not the "
                      "XLM-RoBERTa vocabulary",
                      id, special_names[id], in_quotes(vocabulary.pieces[id])));
    }
  }
}

std::vector<AddedToken> read_added_tokens(const Json& list) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array() || list.size() > added_tokens_max) {
    bad(fmt::format("'added_tokens' should be a list of at most {} tokens", added_tokens_max));
  }
  for (const auto& token : list) {
    const JsonObject object(fmt::format("tokenizer.json: added_tokens {}", tokens.size()), token);
    tokens.push_back(read_added_token(object, /*is_special=*/false));
    if (!tokens.back().id) throw object.bad("has no 'id'");
  }
  return tokens;
}

// Its length is not that of a model: what is cut, is cut to another one.
std::optional<bool> read_truncation(const Json& truncation) {
  if (truncation.is_null()) return std::nullopt;
  const Json& direction = member(truncation, "direction");
  if (direction == "Left") return true;
  if (direction == "Right" || direction.is_null()) return false;
  refuse("truncation direction", direction, "Left or Right");
}

}  // namespace

Vocabulary read_tokenizer_json(std::string_view text, TokenizerPipeline pipeline) {
  Vocabulary vocabulary;
  constexpr std::size_t values_max = 16'000'000;  // three for each piece
  PieceCollector pieces(vocabulary);
  auto document = parse_json(text, values_max, pieces);
  if (!document.fault.empty()) bad(fmt::format("the file {}; it may be cut off, or a Git LFS pointer", document.fault));
  const Json& json = document.value;
  if (!json.is_object()) bad("not a JSON object; the file may be cut off, or a Git LFS pointer");
  check_model(member(json, "model"));
  check_special_tokens(vocabulary);
  if (pipeline == TokenizerPipeline::tokenizer_json) {
    read_as_written(json, vocabulary);
  } else {
    vocabulary.charsmap = find_charsmap(member(json, "normalizer"));
  }
  vocabulary.added_tokens = read_added_tokens(member(json, "added_tokens"));
  vocabulary.truncate_left = read_truncation(member(json, "truncation"));
  return vocabulary;
}

}  // namespace bgem3
