#include "tokenizer/files/tokenizer_class.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/json_object.h"
#include "tokenizer/component_json.h"
#include "tokenizer/files/json_score.h"
#include "tokenizer/models/unigram.h"
#include "tokenizer/models/word_piece.h"
#include "tokenizer/normalizers/bert.h"
#include "tokenizer/normalizers/sentence_piece.h"
#include "tokenizer/pre_tokenizers/bert.h"
#include "tokenizer/pre_tokenizers/metaspace.h"

namespace bgem3 {
namespace {

using detail::in_quotes;
using detail::JsonObject;

constexpr TokenizerClass::NamedToken xlm_roberta_tokens[] = {
    {"bos_token", "<s>"},   {"eos_token", "</s>"}, {"unk_token", "<unk>"},  {"sep_token", "</s>"},
    {"pad_token", "<pad>"}, {"cls_token", "<s>"},  {"mask_token", "<mask>"}};

constexpr TokenizerClass::NamedToken bert_tokens[] = {{"unk_token", "[UNK]"},
                                                      {"sep_token", "[SEP]"},
                                                      {"pad_token", "[PAD]"},
                                                      {"cls_token", "[CLS]"},
                                                      {"mask_token", "[MASK]"}};

constexpr TokenizerClass::NamedToken mpnet_tokens[] = {{"bos_token", "<s>"},
                                                       {"eos_token", "</s>"},
                                                       {"unk_token", "[UNK]"},
                                                       {"sep_token", "</s>"},
                                                       {"pad_token", "<pad>"},
                                                       {"cls_token", "<s>"},
                                                       {"mask_token", "<mask>", /*takes_space_before=*/true}};

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

TokenizerSteps build_xlm_roberta(TokenizerFile& file, const std::string& /*unknown*/) {
  constexpr std::int32_t unknown_id = 3;
  auto& [type, pieces, scores, charsmap, repeats] = file.vocabulary;
  if (const auto& json = file.json.value; !json.is_null()) {
    check_first_pieces(pieces);
    const auto& model = detail::member(json, "model");
    if (detail::member(model, "byte_fallback") == true) detail::bad_tokenizer("byte_fallback is not supported");
    if (const auto& id = detail::member(model, "unk_id"); id != unknown_id) {
      detail::bad_tokenizer(
          fmt::format("model.unk_id should be 3, as XLM-RoBERTa has, found {}", JsonObject::brief(id)));
    }
    charsmap = find_charsmap(json);
  }
  TokenizerSteps steps;
  steps.normalizer = std::make_unique<SentencePieceNormalizer>(SentencePieceNormalizer::Options{.charsmap = charsmap});
  steps.pre_tokenizer = std::make_unique<Metaspace>(Metaspace::Rule::split_white_space);
  steps.decoder = make_metaspace_decoder();
  steps.model = std::make_unique<Unigram>(pieces, std::move(scores), unknown_id);
  steps.unknown_id = unknown_id;
  steps.pieces = std::move(pieces);
  return steps;
}

// Of a sentencepiece model, as BGE-M3's tokenizer.json has it.
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

TokenizerSteps build_bert(TokenizerFile& file, const BertNormalizer::Options& options, const std::string& unknown) {
  const auto unknown_id = file.vocabulary.find(unknown);
  if (!unknown_id) {
    throw Error(ErrorCode::bad_model, fmt::format("the vocabulary lacks unk_token {}", in_quotes(unknown)));
  }
  TokenizerSteps steps;
  steps.normalizer = std::make_unique<BertNormalizer>(options);
  steps.pre_tokenizer = std::make_unique<BertPreTokenizer>();
  steps.decoder = make_word_piece_decoder("##", /*cleans_up=*/true);
  steps.model = std::make_unique<WordPiece>(file.vocabulary.pieces, WordPiece::Options{.unknown_id = *unknown_id});
  steps.unknown_id = *unknown_id;
  steps.pieces = std::move(file.vocabulary.pieces);
  return steps;
}

BuildSteps configure_bert(const JsonObject& tokenizer_config) {
  const BertNormalizer::Options options{
      .clean_text = true,
      .pad_chinese = tokenizer_config.get<bool>("tokenize_chinese_chars").value_or(true),
      .strip_accents = tokenizer_config.get_or_null<bool>("strip_accents"),
      .lowercase = tokenizer_config.get<bool>("do_lower_case").value_or(true),
  };
  return [options](TokenizerFile& file, const std::string& unknown) { return build_bert(file, options, unknown); };
}

constexpr TokenizerClass classes[] = {
    {"XLMRobertaTokenizer", unigram_type, "sentencepiece.bpe.model", xlm_roberta_tokens, /*may_rename=*/false,
     /*separators=*/2, /*has_types=*/false, /*names_types=*/false, configure_xlm_roberta},
    {"BertTokenizer", word_piece_type, "vocab.txt", bert_tokens, /*may_rename=*/true, /*separators=*/1,
     /*has_types=*/true, /*names_types=*/true, configure_bert},
    {"DistilBertTokenizer", word_piece_type, "vocab.txt", bert_tokens, /*may_rename=*/true, /*separators=*/1,
     /*has_types=*/true, /*names_types=*/false, configure_bert},
    {"MPNetTokenizer", word_piece_type, "vocab.txt", mpnet_tokens, /*may_rename=*/true, /*separators=*/2,
     /*has_types=*/false, /*names_types=*/false, configure_bert},
};

}  // namespace

const TokenizerClass* find_tokenizer_class(std::string_view name) {
  constexpr std::string_view fast = "Fast";
  if (name.ends_with(fast)) name.remove_suffix(fast.size());
  for (const auto& known : classes) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

const TokenizerClass& default_tokenizer_class(std::string_view model_type) {
  for (const auto& known : classes) {
    if (known.model_type == model_type) return known;
  }
  throw Error(ErrorCode::internal, fmt::format("no class of tokenizers with a {} model", model_type));
}

TokenizerSteps build_as_converted(TokenizerFile& file) {
  return file.vocabulary.model_type == unigram_type ? build_as_bge_m3(file) : build_bert(file, {}, "[UNK]");
}

std::vector<std::string_view> vocabulary_files() {
  std::vector<std::string_view> names;
  for (const auto& known : classes) {
    if (std::ranges::find(names, known.vocabulary_file) == names.end()) names.push_back(known.vocabulary_file);
  }
  return names;
}

std::string known_tokenizer_classes() {
  std::string names;
  for (const auto& known : classes) names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
  return names;
}

}  // namespace bgem3
