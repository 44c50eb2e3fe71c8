#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "support/tiny_tokenizer.h"

namespace bgem3::test {

/// The files of a tokenizer: name → text.
using Files = std::map<std::string, std::string>;

inline Tokenizer load_files(const Files& files, const TokenizerOptions& options = {}) {
  const TempDir directory;
  for (const auto& [name, text] : files) directory.write(name, text);
  return Tokenizer::load(directory.path(), options);
}

/// The message of the bad_model error that loading them must give.
inline std::string refuse_files(const Files& files) {
  return expect_error(ErrorCode::bad_model, [&] { (void)load_files(files); });
}

/// A tokenizer.json of eight pieces, that of XLMRobertaTokenizer but for its size.
inline nlohmann::json tiny_json() {
  nlohmann::json vocabulary = nlohmann::json::array();
  for (const char* piece : {"<s>", "<pad>", "</s>", "<unk>", "▁", "a", "▁a", "<mask>"})
    vocabulary.push_back({piece, -1});
  return {{"added_tokens",
           {{{"id", 7}, {"content", "<mask>"}, {"lstrip", true}, {"special", true}},
            {{"id", 0}, {"content", "<s>"}, {"special", true}}}},
          {"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", ""}}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "WhitespaceSplit"}},
              {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}}}}},
          {"post_processor",
           {{"type", "RobertaProcessing"},
            {"cls", {"<s>", 0}},
            {"sep", {"</s>", 2}},
            {"trim_offsets", true},
            {"add_prefix_space", true}}},
          {"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocabulary}}}};
}

}  // namespace bgem3::test
