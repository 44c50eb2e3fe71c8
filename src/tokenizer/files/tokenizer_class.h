#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/files/tokenizer_json.h"
#include "tokenizer/tokenizer_steps.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// The named tokens of transformers, in its order.
inline constexpr std::string_view token_names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                   "pad_token", "cls_token", "mask_token"};

/// Makes steps of what a vocabulary's file holds. `unknown`: the content of unk_token.
using BuildSteps = std::function<TokenizerSteps(TokenizerFile& file, const std::string& unknown)>;

/// A class of transformers 5 that has steps of its own, and takes no more of tokenizer.json than the vocabulary and the
/// added tokens.
struct TokenizerClass {
  struct NamedToken {
    std::string_view name;     ///< one of token_names
    std::string_view content;  ///< where the files say none
    bool takes_space_before = false;
  };

  std::string_view name;
  std::string_view model_type;       ///< that its vocabulary has to have
  std::string_view vocabulary_file;  ///< which is read where there is no tokenizer.json
  std::span<const NamedToken> tokens;
  std::span<const std::string_view> extra_tokens;  ///< special ones, where tokenizer.json and no other file says any
  bool may_rename = false;                         ///< `tokens` may be others
  std::string_view first_token = "cls_token";      ///< of its template
  std::string_view last_token = "sep_token";       ///< likewise, and between two texts
  std::size_t separators;                          ///< last_token between the texts of a pair, so many times
  bool has_types = false;                          ///< its template has, as TokenTemplate::has_types
  bool names_types = false;           ///< and a model gets them: they are among the class's model_input_names
  bool has_other_conversion = false;  ///< tokenizer.json, where it is made of the vocabulary, has other steps

  /// Reads the class's keys of tokenizer_config.json.
  BuildSteps (*configure)(const detail::JsonObject& tokenizer_config);
};

/// The class of that name, with or without "Fast" at its end; null for another.
const TokenizerClass* find_tokenizer_class(std::string_view name);

/// The class that stands for a vocabulary of which no file names one.
const TokenizerClass& default_tokenizer_class(std::string_view model_type);

/// The names of files, besides tokenizer.json, that hold vocabularies.
std::vector<std::string_view> vocabulary_files();

/// "XLMRobertaTokenizer, BertTokenizer …", for messages.
std::string known_tokenizer_classes();

}  // namespace bgem3
