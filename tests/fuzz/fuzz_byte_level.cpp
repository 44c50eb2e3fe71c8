// The first byte chooses: the rest is a vocab.json, a merges.txt, a tokenizer.json, a tokenizer_config.json beside good
// ones, a list of merges of the letters a to d, or a text for good models with all combinations of options.

#include <algorithm>
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
#include "support/byte_level_files.h"

namespace {

using bgem3::Tokenizer;
using bgem3::TokenizerPipeline;
using bgem3::fuzz::check;
using bgem3::fuzz::Directory;
using Json = nlohmann::json;

constexpr std::string_view text_for_models = "abc  it's Éa\t\ne\u0301中 <mask> \xff 12\u3000aaab bcbcabcdabcd";

struct Files {
  std::string vocabulary = bgem3::test::byte_level_vocabulary().dump();
  std::string merges = bgem3::test::byte_level_merges_txt();
  std::string config = "{}";
};

Tokenizer load(const Files& files) {
  const Directory directory;
  directory.write("vocab.json", files.vocabulary);
  directory.write("merges.txt", files.merges);
  directory.write("tokenizer_config.json", files.config);
  return Tokenizer::load(directory.path());
}

Tokenizer load_json(std::string_view json, TokenizerPipeline pipeline) {
  const Directory directory;
  return Tokenizer::load(directory.write("tokenizer.json", json), {.pipeline = pipeline});
}

// Two letters of a byte make a merge, so that merges overlap, repeat and contradict each other.
Tokenizer load_merges_of_letters(std::string_view input) {
  constexpr std::size_t merges_max = 64;
  Json vocabulary = bgem3::test::byte_level_vocabulary();
  std::array<std::string, 8> pieces = {"a", "b", "c", "d", "a", "b", "c", "d"};
  std::string merges;
  for (std::size_t i = 0; i < std::min(input.size(), merges_max); ++i) {
    const auto byte = static_cast<unsigned char>(input[i]);
    const std::string left = pieces[byte % 8], right = pieces[byte / 8 % 8];
    if (left.size() + right.size() > merges_max) continue;
    merges.append(left).append(" ").append(right).append("\n");
    pieces[4 + byte / 64] = left + right;
    const std::size_t id = vocabulary.size();
    vocabulary.emplace(left + right, id);
  }
  return load({.vocabulary = vocabulary.dump(), .merges = merges});
}

// `options`: a bit each.
Tokenizer load_good(unsigned options) {
  Json json = bgem3::test::byte_level_json();
  json["pre_tokenizer"]["add_prefix_space"] = (options & 1) != 0;
  json["pre_tokenizer"]["use_regex"] = (options & 2) != 0;
  json["post_processor"]["trim_offsets"] = (options & 4) != 0;
  json["post_processor"]["add_prefix_space"] = (options & 8) != 0;
  return load_json(json.dump(), TokenizerPipeline::tokenizer_json);
}

const Tokenizer& good(unsigned options) {
  static std::array<std::optional<Tokenizer>, 16> loaded;
  auto& tokenizer = loaded.at(options % loaded.size());
  if (!tokenizer) tokenizer = load_good(options);
  return *tokenizer;
}

void run(std::uint8_t choice, std::string_view input) {
  const bool as_written = choice / 8 % 2 != 0;
  switch (choice % 8) {
    case 0: return check(load({.vocabulary = std::string(input)}), text_for_models);
    case 1: return check(load({.merges = std::string(input)}), text_for_models);
    case 2: return check(load({.config = std::string(input)}), text_for_models);
    case 3:
      return check(load_json(input, as_written ? TokenizerPipeline::tokenizer_json : TokenizerPipeline::transformers_5),
                   text_for_models);
    case 4: return check(load_merges_of_letters(input), "abcdabcd aabbccdd dcbadcba abababababababababababababababab");
    default: return check(good(choice / 8U), input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  return bgem3::fuzz::ignore_errors(
      [&] { run(data[0], std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)); });
}
