#include <string>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/json_object.h"
#include "tokenizer/files/class_steps.h"
#include "tokenizer/models/word_piece.h"
#include "tokenizer/normalizers/bert.h"
#include "tokenizer/pre_tokenizers/bert.h"

namespace bgem3 {
namespace {

TokenizerSteps build_bert(TokenizerFile& file, const BertNormalizer::Options& options, const std::string& unknown) {
  const auto unknown_id = file.vocabulary.find(unknown);
  if (!unknown_id) {
    throw Error(ErrorCode::bad_model, fmt::format("the vocabulary lacks unk_token {}", detail::in_quotes(unknown)));
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

}  // namespace

BuildSteps configure_bert(const detail::JsonObject& tokenizer_config) {
  const BertNormalizer::Options options{
      .clean_text = true,
      .pad_chinese = tokenizer_config.get<bool>("tokenize_chinese_chars").value_or(true),
      .strip_accents = tokenizer_config.get_or_null<bool>("strip_accents"),
      .lowercase = tokenizer_config.get<bool>("do_lower_case").value_or(true),
  };
  return [options](TokenizerFile& file, const std::string& unknown) { return build_bert(file, options, unknown); };
}

}  // namespace bgem3
