#pragma once

#include <array>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace bgem3::test {

/// A vocabulary of BERT, by id. The last are marks that stay when accents are stripped.
inline constexpr auto bert_pieces = std::to_array<std::string_view>(
    {"[PAD]", "[UNK]",        "[CLS]",    "[SEP]",    "[MASK]",     "a",   "b", "ab", "##a",
     "##b",   "##ab",         "e",        "##e",      "é",          "##é", "É", "中", "##中",
     ",",     "##\U0001d165", "##\u302e", "##\u1b44", "\U0001d165", "##,"});

/// It as vocab.txt.
inline std::string bert_lines(std::string_view end_of_line = "\n") {
  std::string lines;
  for (const auto piece : bert_pieces) (lines += piece) += end_of_line;
  return lines;
}

inline nlohmann::json bert_vocabulary() {
  nlohmann::json vocabulary = nlohmann::json::object();
  for (const auto piece : bert_pieces) {
    const std::size_t id = vocabulary.size();
    vocabulary[std::string(piece)] = id;
  }
  return vocabulary;
}

/// A part of a template of tokenizer.json.
inline nlohmann::json special_part(const char* token, int type) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
}
inline nlohmann::json text_part(const char* text, int type) {
  return {{"Sequence", {{"id", text}, {"type_id", type}}}};
}

inline nlohmann::json bert_template() {
  const auto token = [](const char* name, int id) {
    return nlohmann::json{{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {special_part("[CLS]", 0), text_part("A", 0), special_part("[SEP]", 0)}},
          {"pair",
           {special_part("[CLS]", 0), text_part("A", 0), special_part("[SEP]", 0), text_part("B", 1),
            special_part("[SEP]", 1)}},
          {"special_tokens", {{"[CLS]", token("[CLS]", 2)}, {"[SEP]", token("[SEP]", 3)}}}};
}

/// Its tokenizer.json, as transformers writes it.
inline nlohmann::json bert_json() {
  nlohmann::json added = nlohmann::json::array();
  for (int id = 0; id < 5; ++id) {
    added.push_back({{"id", id}, {"content", bert_pieces.at(static_cast<std::size_t>(id))}, {"special", true}});
  }
  return {{"added_tokens", added},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor", bert_template()},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", bert_vocabulary()}}}};
}

}  // namespace bgem3::test
