// The first byte chooses: the rest is a model file, a tokenizer.json, a table of normalisation rules in a good model,
// or a text for a good model.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "bgem3/tokenizer.h"
#include "fuzz/ignore_errors.h"
#include "support/tiny_tokenizer.h"

namespace {

using bgem3::Tokenizer;
using bgem3::TokenizerPipeline;

constexpr std::string_view text_for_models = "ab Ａ\te\u0301中\u0301 <mask> \xff＜s＞";

// Loads through a file, as users do.
Tokenizer load(const std::string& name, std::string_view bytes, TokenizerPipeline pipeline) {
  const auto directory = std::filesystem::temp_directory_path() / ("bgem3-fuzz-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto file = directory / name;
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  struct Removal {
    const std::filesystem::path& directory;
    ~Removal() {
      std::error_code ignored;
      std::filesystem::remove_all(directory, ignored);
    }
  } removal{directory};
  return Tokenizer::load(file, {.pipeline = pipeline});
}

// What callers rely on, whatever the vocabulary and the text.
void check(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  if (ids.size() < 2 || ids.front() != tokenizer.special_tokens().cls || ids.back() != tokenizer.special_tokens().eos) {
    std::abort();
  }
  for (const auto id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocabulary_size()) std::abort();
  }
  const auto cut = tokenizer.encode(text, 4);
  if (cut.size() > 4 || cut.back() != ids.back()) std::abort();
  for (std::size_t i = 0; i + 1 < cut.size(); ++i) {
    if (cut[i] != ids[i]) std::abort();
  }
}

const Tokenizer& tiny(TokenizerPipeline pipeline) {
  static const std::string bytes = bgem3::test::TinyModel().bytes();
  static const Tokenizer classic = load("sentencepiece.bpe.model", bytes, TokenizerPipeline::classic);
  static const Tokenizer replace = load("sentencepiece.bpe.model", bytes, TokenizerPipeline::replace);
  return pipeline == TokenizerPipeline::classic ? classic : replace;
}

void run(std::uint8_t choice, std::string_view input) {
  const auto pipeline = choice % 2 == 0 ? TokenizerPipeline::classic : TokenizerPipeline::replace;
  switch (choice / 2 % 8) {
    case 0: return check(load("sentencepiece.bpe.model", input, pipeline), text_for_models);
    case 1: return check(load("tokenizer.json", input, pipeline), text_for_models);
    case 2: {
      bgem3::test::TinyModel model;
      model.charsmap = input;
      return check(load("sentencepiece.bpe.model", model.bytes(), pipeline), text_for_models);
    }
    default: return check(tiny(pipeline), input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return bgem3::fuzz::ignore_errors(
      [&] { run(data[0], std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)); });
}
