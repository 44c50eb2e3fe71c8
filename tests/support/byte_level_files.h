#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "tokenizer/byte_alphabet.h"

namespace bgem3::test {

/// The merges of a small byte-level vocabulary, the first one first.
inline constexpr std::pair<std::string_view, std::string_view> byte_level_merges[] = {
    {"Ġ", "a"}, {"b", "c"}, {"a", "b"}, {"ab", "c"}, {"Ã", "©"}, {"Ġ", "Ġ"}, {"ĠĠ", "Ġ"}};

/// Special tokens with the ids 0 to 4, then a piece for each byte, from 5 on, then those that the merges make, from
/// 261.
inline nlohmann::json byte_level_vocabulary() {
  nlohmann::json vocabulary = nlohmann::json::object();
  const auto add = [&](const std::string& piece) {
    const std::size_t id = vocabulary.size();
    vocabulary[piece] = id;
  };
  for (const char* special : {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}) add(special);
  const ByteAlphabet alphabet;
  for (unsigned byte = 0; byte < 256; ++byte) add(alphabet.character(static_cast<unsigned char>(byte)));
  for (const auto& [left, right] : byte_level_merges) add(std::string(left) + std::string(right));
  return vocabulary;
}

inline std::string byte_level_merges_txt(std::string_view end_of_line = "\n") {
  std::string lines = "#version: 0.2" + std::string(end_of_line);
  for (const auto& [left, right] : byte_level_merges) {
    ((((lines += left) += ' ') += right) += end_of_line);
  }
  return lines;
}

/// Its tokenizer.json, as transformers writes that of RobertaTokenizer.
inline nlohmann::json byte_level_json() {
  nlohmann::json merges = nlohmann::json::array();
  for (const auto& [left, right] : byte_level_merges) merges.push_back({left, right});
  return {{"added_tokens",
           {{{"id", 0}, {"content", "<s>"}, {"special", true}},
            {{"id", 2}, {"content", "</s>"}, {"special", true}},
            {{"id", 4}, {"content", "<mask>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
          {"post_processor",
           {{"type", "RobertaProcessing"},
            {"sep", {"</s>", 2}},
            {"cls", {"<s>", 0}},
            {"trim_offsets", true},
            {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", ""},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", byte_level_vocabulary()},
            {"merges", merges}}}};
}

}  // namespace bgem3::test
