// XLM-RoBERTa's tokenizer, and texts with the ids that Hugging Face gives them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"

namespace bgem3::test {

inline const Tokenizer& xlm_roberta(TokenizerPipeline pipeline = TokenizerPipeline::transformers_5) {
  static const auto directory = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "xlm-r-tokenizer";
  static const Tokenizer classic = Tokenizer::load(directory);
  static const Tokenizer replace =
      Tokenizer::load(directory / "hub" / "bge-m3" / "tokenizer.json", {.pipeline = TokenizerPipeline::tokenizer_json});
  return pipeline == TokenizerPipeline::transformers_5 ? classic : replace;
}

struct GoldenRow {
  std::string text;
  TokenIds classic, replace;
};

inline const std::vector<GoldenRow>& golden() {
  static const std::vector<GoldenRow> rows = [] {
    std::vector<GoldenRow> read;
    std::ifstream lines(std::filesystem::path(BGEM3_TEST_DATA_DIR) / "tokenizer_golden.jsonl");
    for (std::string line; std::getline(lines, line);) {
      const auto row = nlohmann::json::parse(line);
      read.push_back({row.at("text"), row.at("classic"), row.at("replace")});
    }
    return read;
  }();
  return rows;
}

inline std::vector<std::string_view> golden_texts() {
  std::vector<std::string_view> texts;
  for (const auto& row : golden()) texts.push_back(row.text);
  return texts;
}

}  // namespace bgem3::test
