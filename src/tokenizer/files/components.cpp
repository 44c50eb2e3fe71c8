#include <array>
#include <string>
#include <utility>

#include "tokenizer/component_json.h"
#include "tokenizer/files/json_score.h"
#include "tokenizer/files/post_processor.h"
#include "tokenizer/files/tokenizer_json.h"
#include "tokenizer/models/unigram.h"
#include "tokenizer/models/word_piece.h"
#include "tokenizer/normalizers/bert.h"
#include "tokenizer/normalizers/identity.h"
#include "tokenizer/normalizers/sentence_piece.h"
#include "tokenizer/pre_tokenizers/bert.h"
#include "tokenizer/pre_tokenizers/byte_level.h"
#include "tokenizer/pre_tokenizers/metaspace.h"

// The components of tokenizer.json as written: a closed list, because what is not in it would change ids.

namespace bgem3 {
namespace {

using detail::JsonObject;
using detail::member;
using detail::refuse_component;
using Json = nlohmann::json;

std::unique_ptr<const Normalizer> read_normalizer(const Json& normalizer) {
  const auto steps = detail::steps_of(normalizer, "normalizers");
  if (steps.empty()) return std::make_unique<IdentityNormalizer>();
  if (steps.size() == 1 && detail::type_of(steps[0]) == "BertNormalizer") {
    return std::make_unique<BertNormalizer>(read_bert_normalizer({"tokenizer.json: normalizer", steps[0]}));
  }
  return std::make_unique<SentencePieceNormalizer>(read_sentence_piece_normalizer(steps));
}

// Words of bytes are for BPE, those of characters for other models.
std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const Json& pre_tokenizer, std::string_view model_type) {
  const auto steps = detail::steps_of(pre_tokenizer, "pretokenizers");
  if (model_type == byte_pair_type) {
    const auto options = read_byte_level(steps);
    if (!options) {
      refuse_component("pre_tokenizer", pre_tokenizer,
                       "before a BPE model ByteLevel alone, or after a Split by the regular expression of cl100k or "
                       "Qwen with use_regex and add_prefix_space false");
    }
    return std::make_unique<ByteLevel>(*options);
  }
  if (steps.size() == 1 && detail::type_of(steps[0]) == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  const auto rule = read_metaspace(steps);
  if (!rule) {
    refuse_component("pre_tokenizer", pre_tokenizer,
                     "Metaspace with \"▁\" prepended always, with or without WhitespaceSplit before it, or "
                     "BertPreTokenizer");
  }
  return std::make_unique<Metaspace>(*rule);
}

std::int32_t find_unknown(const Vocabulary& vocabulary, const Json& model) {
  if (vocabulary.model_type == unigram_type) {
    const Json& id = member(model, "unk_id");
    if (id.is_number_unsigned() && id.get<std::uint64_t>() < vocabulary.pieces.size()) return id.get<std::int32_t>();
    detail::bad_tokenizer("model.unk_id should be the id of a piece, found " + JsonObject::brief(id));
  }
  const Json& name = member(model, "unk_token");
  if (name.is_null() && vocabulary.model_type == byte_pair_type) return -1;
  const auto id = name.is_string() ? vocabulary.find(name.get_ref<const std::string&>()) : std::nullopt;
  if (!id) detail::bad_tokenizer("model.unk_token should be a piece, found " + JsonObject::brief(name));
  return *id;
}

std::unique_ptr<const TokenModel> read_model(Vocabulary& vocabulary, const Json& model, std::int32_t unknown) {
  if (vocabulary.model_type == byte_pair_type) {
    check_byte_pairs({"tokenizer.json: model", model});
    return std::make_unique<BytePairs>(vocabulary.pieces, vocabulary.merges);
  }
  if (vocabulary.model_type == word_piece_type) {
    auto options = read_word_piece({"tokenizer.json: model", model});
    options.unknown_id = unknown;
    return std::make_unique<WordPiece>(vocabulary.pieces, options);
  }
  if (member(model, "byte_fallback") == true) detail::bad_tokenizer("byte_fallback is not supported");
  for (double& score : vocabulary.scores) score = detail::as_read_from_json(score);
  return std::make_unique<Unigram>(vocabulary.pieces, std::move(vocabulary.scores), unknown);
}

// Ids do not depend on it, so that one that is not known is refused where it is needed.
std::unique_ptr<const Decoder> read_decoder(const Json& decoder) {
  const std::string type = detail::type_of(decoder);
  if (type == "Metaspace") return make_metaspace_decoder();
  if (type == "ByteLevel") return make_byte_level_decoder();
  const Json &prefix = member(decoder, "prefix"), &cleanup = member(decoder, "cleanup");
  if (type != "WordPiece" || !prefix.is_string() || !cleanup.is_boolean()) return nullptr;
  return make_word_piece_decoder(prefix.get<std::string>(), cleanup.get<bool>());
}

}  // namespace

TokenizerSteps read_steps(TokenizerFile& file) {
  const Json& json = file.json.value;
  const Json& model = member(json, "model");
  TokenizerSteps steps;
  steps.normalizer = read_normalizer(member(json, "normalizer"));
  steps.pre_tokenizer = read_pre_tokenizer(member(json, "pre_tokenizer"), file.vocabulary.model_type);
  steps.unknown_id = find_unknown(file.vocabulary, model);
  steps.model = read_model(file.vocabulary, model, steps.unknown_id);
  read_post_processor(member(json, "post_processor"), steps);
  steps.decoder = read_decoder(member(json, "decoder"));
  const Json& padding = member(json, "padding");
  if (member(padding, "pad_token").is_string()) steps.pad_token = member(padding, "pad_token").get<std::string>();
  steps.pieces = std::move(file.vocabulary.pieces);
  return steps;
}

std::string find_charsmap(const nlohmann::json& json) {
  for (const auto& step : detail::steps_of(member(json, "normalizer"), "normalizers")) {
    if (detail::type_of(step) == "Precompiled") return read_charsmap(step);
  }
  return {};
}

}  // namespace bgem3
