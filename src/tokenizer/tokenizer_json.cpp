#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "tokenizer/base64.h"
#include "tokenizer/vocabulary.h"

namespace bgem3 {
namespace {

using Json = nlohmann::json;

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
  const std::string type = word_piece && type_of(model) == "none" ? "WordPiece" : type_of(model);
  if (type != "Unigram") bad(fmt::format("a {} model is not supported; expected Unigram, as XLM-RoBERTa has", type));
  if (member(model, "byte_fallback") == true) bad("byte_fallback is not supported");
}

// The rules come alone or as one step of a sequence, which the pipelines of TokenizerPipeline then complete.
std::string find_charsmap(const Json& normalizer) {
  if (type_of(normalizer) == "Precompiled") {
    const auto decoded = detail::decode_base64(text_or(member(normalizer, "precompiled_charsmap"), "?"));
    if (!decoded) bad("precompiled_charsmap is not base64");
    return *decoded;
  }
  const Json& steps = member(normalizer, "normalizers");
  if (steps.is_array()) {
    for (const auto& step : steps) {
      if (type_of(step) == "Precompiled") return find_charsmap(step);
    }
  }
  bad(fmt::format("normalizer '{}' is not supported; expected Precompiled, alone or in a Sequence",
                  type_of(normalizer)));
}

void read_pieces(const Json& entries, Vocabulary& vocabulary) {
  if (!entries.is_array() || entries.size() < 5) bad("model.vocab should be a list of pieces with scores");
  for (const auto& entry : entries) {
    const bool well_formed = entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
    if (!well_formed) bad(fmt::format("entry {} of model.vocab should be [piece, score]", vocabulary.pieces.size()));
    vocabulary.pieces.add(entry[0].get_ref<const std::string&>());
    vocabulary.scores.push_back(entry[1].get<double>());
  }
}

void check_special_tokens(const Vocabulary& vocabulary) {
  for (std::size_t id = 0; id < std::size(special_names); ++id) {
    if (vocabulary.pieces[id] != special_names[id]) {
      bad(fmt::format("id {} should be '{}', found '{}'; this is not the XLM-RoBERTa vocabulary", id, special_names[id],
                      vocabulary.pieces[id]));
    }
  }
  if (vocabulary.pieces[vocabulary.pieces.size() - 1] != mask_name) bad("the last entry should be '<mask>'");
}

bool mask_strips_left(const Json& added_tokens) {
  if (!added_tokens.is_array()) return true;
  for (const auto& token : added_tokens) {
    if (text_or(member(token, "content"), "") == mask_name) return member(token, "lstrip") == true;
  }
  return true;
}

}  // namespace

Vocabulary read_tokenizer_json(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) bad("not a JSON object; it may be cut off, or a Git LFS pointer");
  const Json& model = member(json, "model");
  check_model(model);

  Vocabulary vocabulary;
  vocabulary.charsmap = find_charsmap(member(json, "normalizer"));
  read_pieces(member(model, "vocab"), vocabulary);
  check_special_tokens(vocabulary);
  vocabulary.special.mask = static_cast<std::int32_t>(vocabulary.pieces.size() - 1);
  vocabulary.mask_takes_space_before = mask_strips_left(member(json, "added_tokens"));
  return vocabulary;
}

}  // namespace bgem3
