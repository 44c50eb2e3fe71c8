#include "tokenizer/files/tokenizer_class.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "tokenizer/files/class_steps.h"

namespace bgem3 {
namespace {

constexpr TokenizerClass::NamedToken roberta_tokens[] = {
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

constexpr TokenizerClass::NamedToken camembert_tokens[] = {{"bos_token", "<s>"},
                                                           {"eos_token", "</s>"},
                                                           {"unk_token", "<unk>"},
                                                           {"sep_token", "</s>"},
                                                           {"pad_token", "<pad>"},
                                                           {"cls_token", "<s>"},
                                                           {"mask_token", "<mask>", /*takes_space_before=*/true}};

constexpr std::string_view camembert_extra_tokens[] = {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"};

constexpr TokenizerClass classes[] = {
    {.name = "XLMRobertaTokenizer",
     .model_type = unigram_type,
     .vocabulary_file = "sentencepiece.bpe.model",
     .tokens = roberta_tokens,
     .extra_tokens = {},
     .separators = 2,
     .has_other_conversion = true,
     .configure = configure_xlm_roberta},
    {.name = "BertTokenizer",
     .model_type = word_piece_type,
     .vocabulary_file = "vocab.txt",
     .tokens = bert_tokens,
     .extra_tokens = {},
     .may_rename = true,
     .separators = 1,
     .has_types = true,
     .names_types = true,
     .configure = configure_bert},
    {.name = "DistilBertTokenizer",
     .model_type = word_piece_type,
     .vocabulary_file = "vocab.txt",
     .tokens = bert_tokens,
     .extra_tokens = {},
     .may_rename = true,
     .separators = 1,
     .has_types = true,
     .configure = configure_bert},
    {.name = "MPNetTokenizer",
     .model_type = word_piece_type,
     .vocabulary_file = "vocab.txt",
     .tokens = mpnet_tokens,
     .extra_tokens = {},
     .may_rename = true,
     .separators = 2,
     .configure = configure_bert},
    {.name = "RobertaTokenizer",
     .model_type = byte_pair_type,
     .vocabulary_file = "vocab.json",
     .tokens = roberta_tokens,
     .extra_tokens = {},
     .may_rename = true,
     .separators = 2,
     .configure = configure_roberta},
    {.name = "CamembertTokenizer",
     .model_type = unigram_type,
     .vocabulary_file = "sentencepiece.bpe.model",
     .tokens = camembert_tokens,
     .extra_tokens = camembert_extra_tokens,
     .first_token = "bos_token",
     .last_token = "eos_token",
     .separators = 2,
     .configure = configure_camembert},
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
