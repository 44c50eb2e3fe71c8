// The first byte chooses: the rest is a model file, a tokenizer.json, a table of normalisation rules in a good model, a
// file beside a good model, a model file or tokenizer.json of CamemBERT, or a text for a good model.

#include <cstdint>
#include <string>
#include <string_view>

#include "bgem3/tokenizer.h"
#include "fuzz/check_tokenizer.h"
#include "fuzz/ignore_errors.h"
#include "support/tiny_tokenizer.h"

namespace {

using bgem3::Tokenizer;
using bgem3::TokenizerPipeline;
using bgem3::fuzz::check;
using bgem3::fuzz::Directory;

constexpr std::string_view text_for_models = "ab Ａ\te\u0301中\u0301 <mask> \xff＜s＞";

// Loads through a file, as users do.
Tokenizer load(const std::string& name, std::string_view bytes, TokenizerPipeline pipeline) {
  const Directory directory;
  return Tokenizer::load(directory.write(name, bytes), {.pipeline = pipeline});
}

// A file beside a good model.
Tokenizer load_beside(const std::string& name, std::string_view bytes) {
  const Directory directory;
  directory.write("sentencepiece.bpe.model", bgem3::test::TinyModel().bytes());
  directory.write(name, bytes);
  return Tokenizer::load(directory.path());
}

Tokenizer load_camembert(const std::string& name, std::string_view bytes) {
  const Directory directory;
  directory.write(name, bytes);
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "CamembertTokenizer"})");
  return Tokenizer::load(directory.path());
}

const Tokenizer& tiny(TokenizerPipeline pipeline) {
  static const std::string bytes = bgem3::test::TinyModel().bytes();
  static const Tokenizer split = load("sentencepiece.bpe.model", bytes, TokenizerPipeline::transformers_5);
  static const Tokenizer merged = load("sentencepiece.bpe.model", bytes, TokenizerPipeline::tokenizer_json);
  return pipeline == TokenizerPipeline::transformers_5 ? split : merged;
}

void run(std::uint8_t choice, std::string_view input) {
  const auto pipeline = choice % 2 == 0 ? TokenizerPipeline::transformers_5 : TokenizerPipeline::tokenizer_json;
  switch (choice / 2 % 8) {
    case 0: return check(load("sentencepiece.bpe.model", input, pipeline), text_for_models);
    case 1: return check(load("tokenizer.json", input, pipeline), text_for_models);
    case 2: {
      bgem3::test::TinyModel model;
      model.charsmap = input;
      return check(load("sentencepiece.bpe.model", model.bytes(), pipeline), text_for_models);
    }
    case 3: return check(load_beside("tokenizer_config.json", input), text_for_models);
    case 4:
      return check(load_beside(choice % 2 == 0 ? "special_tokens_map.json" : "added_tokens.json", input),
                   text_for_models);
    case 5:
      return check(load_camembert(choice % 2 == 0 ? "sentencepiece.bpe.model" : "tokenizer.json", input),
                   text_for_models);
    default: return check(tiny(pipeline), input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return bgem3::fuzz::ignore_errors(
      [&] { run(data[0], std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)); });
}
