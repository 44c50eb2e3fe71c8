#include "tokenizer/files/tokenizer_json.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/json_object.h"
#include "tokenizer/component_json.h"
#include "tokenizer/files/token_json.h"

namespace bgem3 {
namespace {

using detail::bad_tokenizer;
using detail::JsonObject;
using detail::member;
using Json = nlohmann::json;

// Takes the entries of the lists model.vocab and model.merges out of the document while it is parsed: as JSON values
// the 250,000 pieces of XLM-R would need 100 MB.
class PieceCollector : public JsonWatch {
 public:
  explicit PieceCollector(Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  void key(std::size_t depth, const std::string& name) override {
    if (depth == entry_depth && in_vocabulary_) count_entry();
    if (depth >= entry_depth) return;
    if (depth == 1) in_model_ = name == "model";
    in_vocabulary_ = depth == 2 && in_model_ && name == "vocab";
    in_merges_ = depth == 2 && in_model_ && name == "merges";
  }

  bool keep(std::size_t depth, const Json& value) override {
    if (depth != entry_depth || !value.is_array()) return true;
    if (in_vocabulary_) add(value);
    if (in_merges_) add_merge(value);
    return !in_vocabulary_ && !in_merges_;
  }

 private:
  static constexpr std::size_t entry_depth = 3;

  // Of an object, which stays in the document until it is whole.
  void count_entry() {
    if (++entries_ > pieces_max) bad_tokenizer(fmt::format("model.vocab has more than {} pieces", pieces_max));
  }

  void add(const Json& entry) {
    const bool well_formed = entry.size() == 2 && entry[0].is_string() && entry[1].is_number();
    if (!well_formed) {
      bad_tokenizer(fmt::format("entry {} of model.vocab should be [piece, score]", vocabulary_.pieces.size()));
    }
    vocabulary_.add(entry[0].get_ref<const std::string&>(), entry[1].get<double>());
  }

  void add_merge(const Json& entry) {
    if (entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string()) {
      bad_tokenizer(fmt::format("entry {} of model.merges should be two pieces", vocabulary_.merges.size()));
    }
    vocabulary_.add_merge({entry[0].get<std::string>(), entry[1].get<std::string>()});
  }

  Vocabulary& vocabulary_;
  std::size_t entries_ = 0;
  bool in_model_ = false;
  bool in_vocabulary_ = false;
  bool in_merges_ = false;
};

// Files of old tokenizers carry no type.
std::string_view find_model_type(const Json& model) {
  const bool has_prefix = model.is_object() && model.contains("continuing_subword_prefix");
  std::string type = detail::type_of(model);
  if (type == "none") {
    type = member(model, "merges").is_array()  ? byte_pair_type
           : has_prefix                        ? word_piece_type
           : member(model, "vocab").is_array() ? unigram_type
                                               : "typeless";
  }
  for (const auto known : {unigram_type, word_piece_type, byte_pair_type}) {
    if (type == known) return known;
  }
  bad_tokenizer(fmt::format("a {} model is not supported; expected {}, {} or {}", detail::in_one_line(type),
                            unigram_type, word_piece_type, byte_pair_type));
}

// Those of a list of texts; lists of two were taken while the file was parsed.
void take_merges(const Json& merges, Vocabulary& vocabulary) {
  if (!merges.is_array()) bad_tokenizer("model.merges should be a list");
  if (!merges.empty() && !vocabulary.merges.empty()) {
    bad_tokenizer("model.merges should be a list of texts or of lists of two pieces, found both");
  }
  for (const auto& entry : merges) {
    auto merge = entry.is_string() ? split_merge(entry.get_ref<const std::string&>()) : std::nullopt;
    if (!merge) {
      bad_tokenizer(fmt::format("model.merges: expected two pieces with a space between them, found {}",
                                JsonObject::brief(entry)));
    }
    vocabulary.add_merge(*std::move(merge));
  }
}

std::vector<AddedToken> read_added_tokens(const Json& list) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array() || list.size() > added_tokens_max) {
    bad_tokenizer(fmt::format("'added_tokens' should be a list of at most {} tokens", added_tokens_max));
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
  detail::refuse_component("truncation direction", direction, "Left or Right");
}

}  // namespace

TokenizerFile read_tokenizer_json(std::string_view text) {
  Vocabulary vocabulary;
  constexpr std::size_t values_max = 16'000'000;  // three for each piece
  PieceCollector collector(vocabulary);
  auto document = parse_json(text, values_max, collector);
  if (!document.fault.empty()) {
    bad_tokenizer(fmt::format("the file {}; it may be cut off, or a Git LFS pointer", document.fault));
  }
  Json& json = document.value;
  if (!json.is_object()) bad_tokenizer("not a JSON object; the file may be cut off, or a Git LFS pointer");
  vocabulary.model_type = find_model_type(member(json, "model"));
  Json& entries = json["model"]["vocab"];
  if (vocabulary.model_type != unigram_type) {
    take_numbered_pieces(entries, "tokenizer.json: model.vocab", vocabulary);
  }
  clear_json(entries);
  if (vocabulary.model_type == byte_pair_type) {
    Json& merges = json["model"]["merges"];
    take_merges(merges, vocabulary);
    clear_json(merges);
  }
  return {.vocabulary = std::move(vocabulary),
          .added_tokens = read_added_tokens(member(json, "added_tokens")),
          .truncate_left = read_truncation(member(json, "truncation")),
          .json = std::move(document)};
}

}  // namespace bgem3
