#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/json_object.h"
#include "tokenizer/component_json.h"
#include "tokenizer/files/class_steps.h"
#include "tokenizer/files/json_score.h"
#include "tokenizer/models/unigram.h"
#include "tokenizer/normalizers/sentence_piece.h"
#include "tokenizer/pre_tokenizers/metaspace.h"

namespace bgem3 {
namespace {

using detail::in_quotes;
using detail::JsonObject;
using detail::member;

constexpr std::int32_t xlm_roberta_unknown = 3;

// Of all files with XLM-RoBERTa's vocabulary the first pieces are these.
void check_first_pieces(const PieceTable& pieces) {
  if (pieces.size() <= std::size(special_names))
    detail::bad_tokenizer("model.vocab should be a list of pieces with scores");
  for (std::size_t id = 0; id < std::size(special_names); ++id) {
    if (pieces[id] == special_names[id]) continue;
    detail::bad_tokenizer(fmt::format("id {} should be '{}', found {}; this is not the XLM-RoBERTa vocabulary", id,
                                      special_names[id], in_quotes(pieces[id])));
  }
}

void check_xlm_roberta(const TokenizerFile& file) {
  check_first_pieces(file.vocabulary.pieces);
  const auto& id = member(member(file.json.value, "model"), "unk_id");
  if (id == xlm_roberta_unknown) return;
  detail::bad_tokenizer(fmt::format("model.unk_id should be 3, as XLM-RoBERTa has, found {}", JsonObject::brief(id)));
}

// A class takes of tokenizer.json, besides the pieces, the table of rules.
TokenizerSteps build_unigram(TokenizerFile& file, std::int32_t unknown_id) {
  auto& vocabulary = file.vocabulary;
  if (const auto& json = file.json.value; !json.is_null()) {
    if (member(member(json, "model"), "byte_fallback") == true) {
      detail::bad_tokenizer("byte_fallback is not supported");
    }
    vocabulary.charsmap = find_charsmap(json);
  }
  TokenizerSteps steps;
  steps.normalizer =
      std::make_unique<SentencePieceNormalizer>(SentencePieceNormalizer::Options{.charsmap = vocabulary.charsmap});
  steps.pre_tokenizer = std::make_unique<Metaspace>(Metaspace::Rule::split_white_space);
  steps.decoder = make_metaspace_decoder();
  steps.model = std::make_unique<Unigram>(vocabulary.pieces, std::move(vocabulary.scores), unknown_id);
  steps.unknown_id = unknown_id;
  steps.pieces = std::move(vocabulary.pieces);
  return steps;
}

TokenizerSteps build_xlm_roberta(TokenizerFile& file, const std::string& /*unknown*/) {
  if (!file.json.value.is_null()) check_xlm_roberta(file);
  return build_unigram(file, xlm_roberta_unknown);
}

// The pieces of a sentencepiece model in CamemBERT's order, which keeps <s> and </s> where the model has them, behind
// pieces of fairseq that stand for nothing.
void order_as_camembert(Vocabulary& vocabulary) {
  constexpr double unwanted = -100;
  Vocabulary ordered;
  for (const auto* name : {"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>"}) ordered.add(name, 0);
  ordered.add("<unk>NOTUSED", unwanted);
  for (const auto* name : {"<s>", "</s>"}) ordered.add(name, 0);
  for (std::size_t id = std::size(special_names); id < vocabulary.pieces.size(); ++id) {
    ordered.add(vocabulary.pieces[id], vocabulary.scores[id]);
  }
  vocabulary.pieces = std::move(ordered.pieces);
  vocabulary.scores = std::move(ordered.scores);
}

TokenizerSteps build_camembert(TokenizerFile& file, const std::string& unknown) {
  if (file.json.value.is_null()) order_as_camembert(file.vocabulary);
  return build_unigram(file, file.vocabulary.find(unknown).value_or(0));
}

}  // namespace

TokenizerSteps build_as_bge_m3(TokenizerFile& file) {
  for (double& score : file.vocabulary.scores) score = detail::as_read_from_json(score);
  TokenizerSteps steps = build_xlm_roberta(file, {});
  steps.normalizer = std::make_unique<SentencePieceNormalizer>(
      SentencePieceNormalizer::Options{.charsmap = file.vocabulary.charsmap, .merged_space = " "});
  steps.pre_tokenizer = std::make_unique<Metaspace>(Metaspace::Rule::mark_spaces);
  return steps;
}

BuildSteps configure_xlm_roberta(const JsonObject& tokenizer_config) {
  tokenizer_config.expect("add_prefix_space", true);
  return build_xlm_roberta;
}

BuildSteps configure_camembert(const JsonObject& tokenizer_config) {
  tokenizer_config.expect("add_prefix_space", true);
  return build_camembert;
}

}  // namespace bgem3
