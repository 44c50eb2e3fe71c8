// The first byte chooses: the rest is a vocab.txt, a tokenizer.json, a tokenizer_config.json beside a good vocab.txt,
// or a text for good models with all combinations of options.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "fuzz/check_tokenizer.h"
#include "fuzz/ignore_errors.h"
#include "support/bert_files.h"

namespace {

using bgem3::Tokenizer;
using bgem3::TokenizerPipeline;
using bgem3::fuzz::check;
using bgem3::fuzz::Directory;
using Json = nlohmann::json;

constexpr std::string_view text_for_models = "ab Éa\te\u0301中\u0301 [MASK] \xff a\u302e\U0001d165,[mask]\x01 aaab";

Tokenizer load(const std::string& name, std::string_view bytes, TokenizerPipeline pipeline) {
  const Directory directory;
  return Tokenizer::load(directory.write(name, bytes), {.pipeline = pipeline});
}

Tokenizer load_with_config(std::string_view config) {
  const Directory directory;
  directory.write("vocab.txt", bgem3::test::bert_lines());
  directory.write("tokenizer_config.json", config);
  return Tokenizer::load(directory.path());
}

// `options`: a bit each, for the accents two.
Tokenizer load_good(unsigned options) {
  Json json = bgem3::test::bert_json();
  Json& normalizer = json["normalizer"];
  normalizer["clean_text"] = (options & 1) != 0;
  normalizer["handle_chinese_chars"] = (options & 2) != 0;
  normalizer["lowercase"] = (options & 4) != 0;
  normalizer["strip_accents"] = (options & 8) == 0 ? Json(nullptr) : Json((options & 16) != 0);
  return load("tokenizer.json", json.dump(), TokenizerPipeline::tokenizer_json);
}

const Tokenizer& good(unsigned options) {
  static std::array<std::optional<Tokenizer>, 32> loaded;
  auto& tokenizer = loaded.at(options % loaded.size());
  if (!tokenizer) tokenizer = load_good(options);
  return *tokenizer;
}

void run(std::uint8_t choice, std::string_view input) {
  const bool as_written = choice / 8 % 2 != 0;
  switch (choice % 8) {
    case 0: return check(load("vocab.txt", input, TokenizerPipeline::automatic), text_for_models);
    case 1:
      return check(load("tokenizer.json", input,
                        as_written ? TokenizerPipeline::tokenizer_json : TokenizerPipeline::transformers_5),
                   text_for_models);
    case 2: return check(load_with_config(input), text_for_models);
    default: return check(good(choice / 8U), input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return bgem3::fuzz::ignore_errors(
      [&] { run(data[0], std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)); });
}
