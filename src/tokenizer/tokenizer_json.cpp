#include <algorithm>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "file/json.h"
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
  const Json& unknown = member(model, "unk_id");
  if (unknown != 3) bad(fmt::format("model.unk_id should be 3, as XLM-RoBERTa has, found {}", unknown.dump()));
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
  bad(
      fmt::format("normalizer '{}' is not supported; expected Precompiled, "
                  "alone or in a Sequence",
                  type_of(normalizer)));
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
          fmt::format("id {} should be '{}', found '{}'; this is not the "
                      "XLM-RoBERTa vocabulary",
                      id, special_names[id], vocabulary.pieces[id]));
    }
  }
  if (vocabulary.pieces[vocabulary.pieces.size() - 1] != mask_name) bad("the last entry should be '<mask>'");
}

// Tokens added to a vocabulary are found in the text before anything else, so unknown ones would change ids.
void read_added_tokens(const Json& added_tokens, Vocabulary& vocabulary) {
  if (!added_tokens.is_array()) return;
  for (const auto& token : added_tokens) {
    const std::string content = text_or(member(token, "content"), "");
    const bool is_special =
        std::find(std::begin(special_names), std::end(special_names), content) != std::end(special_names);
    if (content == mask_name) {
      vocabulary.mask_takes_space_before = member(token, "lstrip") == true;
    } else if (!is_special) {
      bad(fmt::format("the added token '{}' is not supported; expected XLM-RoBERTa's five", content));
    }
  }
}

}  // namespace

Vocabulary read_tokenizer_json(std::string_view text) {
  Vocabulary vocabulary;
  constexpr std::size_t values_max = 16'000'000;  // three for each piece
  PieceCollector pieces(vocabulary);
  const auto document = parse_json(text, values_max, pieces);
  if (!document.fault.empty()) bad(fmt::format("the file {}; it may be cut off, or a Git LFS pointer", document.fault));
  const Json& json = document.value;
  if (!json.is_object()) bad("not a JSON object; the file may be cut off, or a Git LFS pointer");
  check_model(member(json, "model"));
  check_special_tokens(vocabulary);
  vocabulary.charsmap = find_charsmap(member(json, "normalizer"));
  vocabulary.special.mask = static_cast<std::int32_t>(vocabulary.pieces.size() - 1);
  read_added_tokens(member(json, "added_tokens"), vocabulary);
  return vocabulary;
}

}  // namespace bgem3
