// The first byte chooses: the rest is a model file, a tokenizer.json, a table of normalisation rules in a good model, a
// file beside a good model, or a text for one.

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

// A directory of its own for one input.
class Directory {
 public:
  Directory() { std::filesystem::create_directories(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("bgem3-fuzz-" + std::to_string(::getpid()));
};

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

void check_places(const Tokenizer& tokenizer, std::string_view text, const bgem3::TokenIds& ids) {
  const auto placed = tokenizer.encode_with_offsets(text);
  if (placed.ids != ids || placed.offsets.size() != ids.size()) std::abort();
  for (const auto& token : placed.offsets) {
    if (token.begin > token.end || token.end > text.size()) std::abort();
  }
  const auto cut = tokenizer.encode_with_offsets(text, 4);
  if (cut.ids != tokenizer.encode(text, 4) || cut.offsets.size() != cut.ids.size()) std::abort();
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
  const std::size_t skipped = tokenizer.truncates_left() ? ids.size() - cut.size() : 0;
  for (std::size_t i = 1; i + 1 < cut.size(); ++i) {
    if (cut[i] != ids[skipped + i]) std::abort();
  }
  check_places(tokenizer, text, ids);
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
    default: return check(tiny(pipeline), input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return bgem3::fuzz::ignore_errors(
      [&] { run(data[0], std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)); });
}
