#include <algorithm>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "support/tokenizer_files.h"
#include "tokenizer/files/token_json.h"
#include "tokenizer/files/tokenizer_settings.h"

using namespace bgem3;
using namespace bgem3::test;
using Json = nlohmann::json;

TEST_CASE("which pipeline runs follows tokenizer_class, and an option comes before it") {
  const auto ids = [](const char* name, const char* file = "tokenizer_config.json",
                      const TokenizerOptions& options = {}) {
    Json json = tiny_json();
    json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
    json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}};
    const std::string stated = std::string(R"({"tokenizer_class": ")") + name + R"(", "model_type": "bert"})";
    return load_files({{"tokenizer.json", json.dump()},
                       {file, file[0] == 'c' ? stated : stated.substr(0, stated.find(',')) + "}"}},
                      options)
        .encode("a ");
  };
  const TokenIds split = {0, 6, 2}, as_written = {0, 6, 4, 2};
  for (const char* name : {"XLMRobertaTokenizer", "XLMRobertaTokenizerFast"}) {
    CHECK(ids(name) == split);
    CHECK(ids(name, "config.json") == split);
    CHECK(ids(name, "config.json", {.pipeline = TokenizerPipeline::tokenizer_json}) == as_written);
  }
  for (const char* name : {"PreTrainedTokenizerFast", "TokenizersBackend"}) {
    CHECK(ids(name) == as_written);
    CHECK(ids(name, "config.json") == as_written);
    CHECK(ids(name, "config.json", {.pipeline = TokenizerPipeline::transformers_5}) == split);
  }
  CHECK(contains(refuse_files({{"tokenizer.json", tiny_json().dump()},
                               {"tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})"}}),
                 "tokenizer_config.json: tokenizer_class 'T5Tokenizer' is not supported"));
  CHECK(contains(refuse_files({{"tokenizer.json", tiny_json().dump()}, {"config.json", R"({"model_type": "bert"})"}}),
                 "BertTokenizer needs a WordPiece model, found Unigram in tokenizer.json"));
  CHECK(contains(refuse_files({{"sentencepiece.bpe.model", TinyModel().bytes()},
                               {"tokenizer_config.json", R"({"tokenizer_class": "TokenizersBackend"})"}}),
                 "tokenizer.json, which is missing"));
  for (const char* name : {"auto", "transformers-5", "tokenizer-json"}) CHECK(to_string(parse_pipeline(name)) == name);
  CHECK(parse_pipeline("classic") == TokenizerPipeline::transformers_5);
  CHECK(parse_pipeline("replace") == TokenizerPipeline::tokenizer_json);
  CHECK(contains(expect_error(ErrorCode::invalid_argument, [] { (void)parse_pipeline("new"); }), "'new'"));
}

TEST_CASE("added tokens of all files are found, the longest first") {
  const auto added = [](const Files& files, const char* text) {
    Files all = files;
    all.emplace("tokenizer.json", tiny_json().dump());
    return load_files(all).encode(text);
  };
  const std::string flags = R"("lstrip": false, "rstrip": false, "normalized": false, "special": true})";
  const Files decoder = {
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"8": {"content": "<new>", )" + flags + "}}"}};
  CHECK(added(decoder, "a<new>a") == TokenIds{0, 6, 8, 6, 2});
  CHECK(added({{"added_tokens.json", R"({"<new>": 8, "<newer>": 9})"}}, "<newer><new>") == TokenIds{0, 9, 8, 2});
  CHECK(added({{"special_tokens_map.json", R"({"additional_special_tokens": ["<new>", "a"]})"}}, "<new>a") ==
        TokenIds{0, 8, 5, 2});
  CHECK(added({{"tokenizer_config.json", R"({"extra_special_tokens": ["aa", "a"]})"}}, "aaa") == TokenIds{0, 8, 5, 2});
  CHECK(added({}, "a<mask>a") == TokenIds{0, 6, 7, 6, 2});

  const auto sized = load_files({{"tokenizer.json", tiny_json().dump()}, {"added_tokens.json", R"({"<new>": 8})"}});
  CHECK(sized.vocabulary_size() == 9);
  CHECK(sized.piece(8) == "<new>");

  std::string many;
  for (int i = 0; i <= 100'000; ++i)
    many += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": " + std::to_string(8 + i);
  CHECK(contains(refuse_files({{"tokenizer.json", tiny_json().dump()}, {"added_tokens.json", "{" + many + "}"}}),
                 "at most 100000 tokens"));
}

TEST_CASE("an added token that is a single word is not found in a longer one") {
  const auto model =
      load_files({{"tokenizer.json", tiny_json().dump()},
                  {"tokenizer_config.json",
                   R"({"extra_special_tokens": [{"content": "<w>", "single_word": true, "special": true}, "w>"]})"}});
  for (const char* text : {"<w>", "<w>.", "-<w> ", "<w><w>", "\U0001F642<w>"}) {
    CAPTURE(text);
    const auto ids = model.encode(text);
    CHECK(std::ranges::count(ids, 8) > 0);
  }
  // Letters, digits, "_", a combining accent, a joiner.
  for (const char* text : {"a<w>", "<w>a", "1<w>", "<w>_", "<w>\u0301", "\u200d<w>", "<w>\u5b57", "\u5b57<w> <mask>"}) {
    CAPTURE(text);
    const auto ids = model.encode(text);
    CHECK(std::ranges::count(ids, 8) == 0);
    CHECK(std::ranges::count(ids, 9) == 0);  // nor the shorter one in it
  }
}

TEST_CASE("white space that two added tokens would take") {
  const auto model = load_files({{"tokenizer.json", tiny_json().dump()}, {"tokenizer_config.json", R"({
    "extra_special_tokens": [{"content": "<r>", "rstrip": true, "special": true},
                             {"content": "\t", "lstrip": true, "special": true}]})"}});
  CHECK(model.encode("<r> \t<r>") == TokenIds{0, 8, 8, 2});  // nothing is left of the tabulator
  CHECK(model.encode("\t <r>") == TokenIds{0, 9, 8, 2});
}

TEST_CASE("added tokens that normalisation makes empty are not found, those that it makes equal are refused") {
  const auto model = [](const char* tokens) {
    return load_files({{"sentencepiece.bpe.model", TinyModel().bytes()}, {"added_tokens.json", tokens}});
  };
  // The rules of the small model make "a" of the full-width letter, and nothing of U+0001.
  CHECK(contains(refuse_files({{"sentencepiece.bpe.model", TinyModel().bytes()},
                               {"added_tokens.json", R"({"aa": 13, "Ａa": 14})"}}),
                 "ids 13 and 14 have the same normal form, 'aa'"));
  CHECK(model(R"({"Ａa": 13})").encode("aa") == TokenIds{0, 13, 2});
  CHECK(model(R"({"\u0001": 13})").encode("a\x01") == model("{}").encode("a\x01"));
  // A token with a space, where a long text is taken in parts.
  const auto spaced = model(R"({"a b": 13})");
  for (std::size_t size = 16 * 1024 - 8; size < 16 * 1024 + 8; ++size) {
    const auto ids = spaced.encode(std::string(size, 'a') + " a b");
    CHECK(ids[ids.size() - 2] == 13);
  }
}

TEST_CASE("what the files beside a vocabulary say is followed or refused by file and key") {
  const auto refuse = [](const char* file, const char* text) {
    const auto message = refuse_files({{"tokenizer.json", tiny_json().dump()}, {file, text}});
    CHECK(contains(message, file));
    return message;
  };
  const char* const config = "tokenizer_config.json";
  CHECK(contains(refuse(config, R"({"pad_token": "[PAD]"})"), "'pad_token' is '[PAD]'; expected '<pad>'"));
  CHECK(contains(refuse(config, R"({"mask_token": {"content": "<mask>", "single_word": 1}})"), "single_word"));
  CHECK(contains(refuse(config, R"({"truncation_side": "middle"})"), "truncation_side"));
  CHECK(contains(refuse(config, R"({"split_special_tokens": true})"), "split_special_tokens"));
  for (const char* key : {"add_prefix_space", "mask_token", "truncation_side", "added_tokens_decoder"}) {
    CHECK(contains(refuse(config, (std::string("{\"") + key + "\": null}").c_str()), key));  // None is not the default
  }
  CHECK(contains(refuse(config, R"({"add_prefix_space": false})"), "add_prefix_space"));
  CHECK(contains(refuse(config, R"({"sp_model_kwargs": {"enable_sampling": true}})"), "sp_model_kwargs"));
  CHECK(contains(refuse(config, R"({"extra_special_tokens": {"image_token": "<i>"}})"), "extra_special_tokens"));
  CHECK(contains(refuse(config, R"({"added_tokens_decoder": {"x": {"content": "<new>"}}})"), "'x' should be an id"));
  CHECK(contains(refuse(config, R"({"fix_something": true})"), "'fix_something'"));
  CHECK(contains(refuse(config, "[]"), "should be a JSON object"));
  CHECK(contains(refuse("special_tokens_map.json", R"({"unk_token": 3})"), "'unk_token' should be a token"));
  CHECK(contains(refuse("added_tokens.json", R"({"<new>": -1})"), "'<new>' should have an id"));
}

TEST_CASE("a text is cut at the side that the files or the caller say") {
  const auto cut = [](const Files& files, const TokenizerOptions& options = {}) {
    Files all = files;
    all.emplace("tokenizer.json", tiny_json().dump());
    return load_files(all, options).encode("a <mask> a a", 4);
  };
  const TokenIds left = {0, 6, 6, 2}, right = {0, 6, 7, 2};
  CHECK(cut({}) == right);
  CHECK(cut({{"tokenizer_config.json", R"({"truncation_side": "left"})"}}) == left);
  CHECK(cut({{"tokenizer_config.json", R"({"truncation_side": "left"})"}}, {.truncate_left = false}) == right);
  CHECK(cut({}, {.truncate_left = true}) == left);
  Json json = tiny_json();
  json["truncation"] = {{"direction", "Left"}, {"max_length", 3}};
  CHECK(load_files({{"tokenizer.json", json.dump()}}).encode("a <mask> a a", 4) == left);
  CHECK(load_files({{"tokenizer.json", json.dump()}}).truncates_left());
}

TEST_CASE("a file adds as many tokens as it may") {
  const auto names = [](std::size_t count) {
    Json list = Json::array();
    for (std::size_t i = 0; i < count; ++i) list.push_back(std::to_string(i));
    return list;
  };
  const TempDir dir;
  const auto refusal = [&](const char* file, const Json& json) {
    dir.write(file, json.dump());
    std::string message =
        expect_error(ErrorCode::bad_model, [&] { (void)read_tokenizer_settings(dir.path(), nullptr); });
    std::filesystem::remove(dir.path() / file);
    return message;
  };
  dir.write("special_tokens_map.json", Json{{"additional_special_tokens", names(added_tokens_max)}}.dump());
  CHECK(read_tokenizer_settings(dir.path(), nullptr).extra_special_tokens->size() == added_tokens_max);
  CHECK(contains(refusal("special_tokens_map.json", {{"additional_special_tokens", names(added_tokens_max + 1)}}),
                 "has more than 100000"));
  Json numbered = Json::object();
  for (std::size_t i = 0; i <= added_tokens_max; ++i) numbered[std::to_string(i)] = i;
  CHECK(contains(refusal("added_tokens.json", numbered), "at most 100000 tokens"));
  CHECK(
      contains(refusal("added_tokens.json", {{"a", UINT64_MAX}}), "'a' should have an id, found 18446744073709551615"));
}
