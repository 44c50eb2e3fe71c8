#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "support/deep_json.h"
#include "support/expect_error.h"
#include "support/tokenizer_files.h"
#include "tokenizer/files/vocabulary.h"

using namespace bgem3;
using namespace bgem3::test;
using Json = nlohmann::json;

namespace {

const auto models = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "xlm-r-tokenizer";
const auto bge_m3_json = models / "hub" / "bge-m3" / "tokenizer.json";

Tokenizer load_model(const std::string& bytes, const TokenizerOptions& options = {}) {
  const TempDir directory;
  directory.write("sentencepiece.bpe.model", bytes);
  return Tokenizer::load(directory.path(), options);
}

// The message of the bad_model error that loading these bytes must give.
std::string refuse_model(const std::string& bytes) {
  return expect_error(ErrorCode::bad_model, [&] { (void)load_model(bytes); });
}

std::string refuse_json(const std::string& text) { return refuse_files({{"tokenizer.json", text}}); }

}  // namespace

TEST_CASE("a small model is read with its pieces in Hugging Face's order") {
  const Tokenizer tokenizer = load_model(TinyModel().bytes());
  CHECK(tokenizer.vocabulary_size() == 13);
  CHECK(tokenizer.special_tokens().mask == 12);
  CHECK(tokenizer.piece(4) == "▁");
  CHECK(tokenizer.encode("a") == TokenIds{0, 8, 2});
  CHECK(tokenizer.encode("ab\tＡ\x01 e\u0301 zz") == TokenIds{0, 4, 7, 8, 4, 9, 4, 3, 2});
  CHECK(load_model(TinyModel().bytes(), {.pipeline = TokenizerPipeline::replace}).encode("a ") == TokenIds{0, 8, 4, 2});
}

TEST_CASE("a tokenizer.json alone gives what the sentencepiece model gives") {
  const Tokenizer from_json = Tokenizer::load(bge_m3_json);
  const Tokenizer from_model = Tokenizer::load(models / "sentencepiece.bpe.model");
  CHECK(from_json.source() == bge_m3_json);
  REQUIRE(from_json.vocabulary_size() == from_model.vocabulary_size());
  for (std::int32_t id = 0; id < 250002; ++id) REQUIRE(from_json.piece(id) == from_model.piece(id));
  const std::string text = "Hello, Wörld! 世界 <mask> ﬁn\u0301";
  CHECK(from_json.encode(text) == from_model.encode(text));
}

TEST_CASE("what is missing is named") {
  const TempDir directory;
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)Tokenizer::load(directory.path()); }),
                 "sentencepiece.bpe.model"));
  CHECK(
      contains(expect_error(ErrorCode::bad_model, [&] { (void)Tokenizer::load(directory.path() / "none"); }), "none"));
  directory.write("vocab.txt", "[PAD]\n[UNK]\n");
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "XLMRobertaTokenizer"})");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)Tokenizer::load(directory.path()); }),
                 "no tokenizer for XLMRobertaTokenizer; expected tokenizer.json or sentencepiece.bpe.model"));
}

TEST_CASE("a model of another kind is refused by name") {
  TinyModel model;
  model.trainer = WireWriter().varint(3, 2).bytes();
  CHECK(contains(refuse_model(model.bytes()), "bpe model"));
  model.trainer = WireWriter().varint(3, 4).bytes();
  CHECK(contains(refuse_model(model.bytes()), "char model"));
  model.trainer = WireWriter().varint(3, std::numeric_limits<std::uint64_t>::max()).bytes();
  CHECK(contains(refuse_model(model.bytes()), "not supported"));
  model.trainer = WireWriter().varint(35, 1).bytes();
  CHECK(contains(refuse_model(model.bytes()), "byte_fallback"));
  model.trainer = WireWriter().varint(24, 1).bytes();
  CHECK(contains(refuse_model(model.bytes()), "treat_whitespace_as_suffix"));
  model = {};
  model.extra = WireWriter().text(3, WireWriter().varint(3, 0).bytes()).bytes();
  CHECK(contains(refuse_model(model.bytes()), "white space"));
  model = {};
  model.pieces[1].text = "<bos>";
  CHECK(contains(refuse_model(model.bytes()), "should be '<s>', found '<bos>'"));
  model = {};
  model.pieces[5].type = 6;
  CHECK(contains(refuse_model(model.bytes()), "of type 6"));
}

TEST_CASE("pieces that cannot be are refused") {
  for (const char* text : {"", "\xff", "a"}) {
    TinyModel model;
    model.pieces.push_back({text, -1});
    CHECK(contains(refuse_model(model.bytes()), "piece"));
  }
  TinyModel model;
  model.pieces.push_back({std::string("x\0y", 3), -1});
  CHECK(contains(refuse_model(model.bytes()), "NUL"));
  model = {};
  model.pieces.back().score = std::numeric_limits<float>::quiet_NaN();
  CHECK(contains(refuse_model(model.bytes()), "score"));
  model = {};
  model.pieces.resize(3);
  CHECK(contains(refuse_model(model.bytes()), "no pieces"));
}

TEST_CASE("a cut or overwritten model gives an error or a tokenizer, never a crash") {
  const std::string whole = TinyModel().bytes();
  for (std::size_t size = 0; size < whole.size(); size += size < 300 ? 1 : 997) {
    try {
      (void)load_model(whole.substr(0, size)).encode("ab Ａ e\u0301");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_model);
    }
  }
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    for (int change = 0; change < 4; ++change) bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      (void)load_model(bytes).encode("ab Ａ e\u0301");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_model);
    }
  }
  CHECK(contains(refuse_model("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS"));
  CHECK(contains(refuse_model(""), "no pieces"));
  std::string noise(10'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  CHECK(contains(refuse_model(noise), "sentencepiece.bpe.model"));
}

TEST_CASE("normalisation rules that lie about themselves are refused or harmless") {
  const std::string good = TinyModel().charsmap;
  const auto with = [](std::string charsmap) {
    TinyModel model;
    model.charsmap = std::move(charsmap);
    return model.bytes();
  };
  CHECK(contains(refuse_model(with("ab")), "header"));
  CHECK(contains(refuse_model(with("\xff\xff\xff\x7f" + good.substr(4))), "trie"));
  CHECK(contains(refuse_model(with(std::string("\3\0\0\0", 4) + good.substr(4))), "trie"));
  CHECK(contains(refuse_model(with(good.substr(0, good.size() - 1))), "no end"));
  CHECK(load_model(with("")).encode("Ａ") == TokenIds{0, 4, 3, 2});  // no rules
  CHECK(contains(refuse_model(with(test::tiny_charsmap({{"Ａ", "\xe1"}}))), "not UTF-8"));
  CHECK(load_model(with(test::tiny_charsmap({{"Ａ", std::string(128, 'a')}}))).encode("Ａ").size() > 100);
  CHECK(contains(refuse_model(with(test::tiny_charsmap({{"Ａ", std::string(129, 'a')}}))), "too long"));
  const auto into_the_middle = [&](std::string charsmap) {  // of the replacement, for each rule
    for (std::size_t at = 4; at + 4 <= charsmap.size() - 4; at += 4) {
      if (charsmap.substr(at, 4) == std::string("\0\0\0\x80", 4)) charsmap[at] = 1;
    }
    return charsmap;
  };
  const std::string split = into_the_middle(test::tiny_charsmap({{"Ａ", "中"}}));
  CHECK(split != test::tiny_charsmap({{"Ａ", "中"}}));
  CHECK(load_model(with(split)).encode("Ａ") == load_model(with("")).encode("Ａ"));

  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {  // offsets and values anywhere
    std::string charsmap = good;
    for (int change = 0; change < 40; ++change) {
      charsmap[4 + random() % (charsmap.size() - 5)] = static_cast<char>(random());
    }
    try {
      (void)load_model(with(charsmap)).encode("\t\nＡ e\u0301\x01 中");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::bad_model);
    }
  }
}

TEST_CASE("a tokenizer.json of another kind is refused by name") {
  CHECK_NOTHROW([] {
    const TempDir directory;
    directory.write("tokenizer.json", tiny_json().dump());
    CHECK(Tokenizer::load(directory.path()).encode("aa") == TokenIds{0, 6, 5, 2});
  }());
  const auto changed = [](const char* pointer, const Json& value) {
    Json json = tiny_json();
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
  };
  CHECK(contains(refuse_json(changed("/model", {{"type", "WordPiece"}, {"vocab", {{"[PAD]", 0}}}})), "[UNK]"));
  CHECK(contains(refuse_json(changed("/model", {{"continuing_subword_prefix", "##"}})), "object of pieces"));
  CHECK(contains(refuse_json(changed("/model/type", "WordLevel")), "a WordLevel model is not supported"));
  CHECK(contains(refuse_json(changed("/model/byte_fallback", true)), "byte_fallback"));
  CHECK(contains(refuse_json(changed("/model/unk_id", 0)), "unk_id"));
  CHECK(contains(refuse_json(changed("/model/vocab/0/0", "[CLS]")), "should be '<s>'"));
  CHECK(contains(refuse_json(changed("/model/vocab/5", {"a", "b"})), "entry 5"));
  CHECK(contains(refuse_json(changed("/model/vocab", "none")), "list of pieces"));
  CHECK(contains(refuse_json(changed("/normalizer/precompiled_charsmap", "!")), "base64"));
  CHECK(contains(refuse_json(changed("/added_tokens", "none")), "'added_tokens' should be a list"));
  CHECK(contains(refuse_json(changed("/added_tokens/1/content", "")), "added_tokens 1: 'content'"));
  CHECK(contains(refuse_json(changed("/added_tokens/1/single_word", 1)), "added_tokens 1: 'single_word'"));
  CHECK(contains(refuse_json(changed("/added_tokens/1/colour", "red")), "'colour'"));
  CHECK(contains(refuse_json(changed("/added_tokens/1/id", 5)), "'<s>' has the id 5; expected 0"));
  CHECK(contains(refuse_json(changed("/added_tokens/1", {{"content", "<new>"}, {"id", 9}})),
                 "'<new>' has the id 9; expected 8"));
  CHECK(contains(refuse_json(changed("/added_tokens/1/content", std::string("a\0b", 3))), "NUL"));
  CHECK(contains(refuse_json(changed("/truncation", {{"direction", "Middle"}})), "truncation direction \"Middle\""));
}

TEST_CASE("tokenizer.json as written is run or refused by the name of the component") {
  const auto as_written = [](Json json) {
    return Files{{"tokenizer.json", json.dump()},
                 {"tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})"}};
  };
  const auto refuse = [&](const char* pointer, const Json& value) {
    Json json = tiny_json();
    json[Json::json_pointer(pointer)] = value;
    CHECK_NOTHROW((void)load_files({{"tokenizer.json", json.dump()}}));  // transformers 5 has its own of these
    return refuse_files(as_written(json));
  };
  CHECK(load_files(as_written(tiny_json())).encode("aa ") == TokenIds{0, 6, 5, 2});
  CHECK(contains(refuse("/normalizer/type", "Lowercase"),
                 "normalizer {\"precompiled_charsmap\":\"\",\"type\":\"Lowercase\"}"));
  CHECK(contains(refuse("/pre_tokenizer/pretokenizers/0/type", "Digits"), "Digits"));
  CHECK(contains(refuse("/pre_tokenizer/pretokenizers/1/prepend_scheme", "never"), "pre_tokenizer"));
  CHECK(contains(refuse("/pre_tokenizer", nullptr), "pre_tokenizer null"));
  CHECK(contains(refuse("/post_processor", nullptr), "post_processor null"));
  CHECK(contains(refuse("/post_processor/sep/1", -1), "post_processor"));
  CHECK(contains(refuse("/post_processor/sep/1", 8), "the id 8 should be one of 0 to 7"));

  Json templates = tiny_json();
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json eos = {{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}};
  const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  Json second = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  templates["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {bos, first, eos}},
      {"pair", {bos, first, eos, eos, second, eos}},
      {"special_tokens", {{"<s>", {{"ids", Json::array({0})}}}, {"</s>", {{"ids", Json::array({2})}}}}}};
  CHECK(load_files(as_written(templates)).encode("a") == TokenIds{0, 6, 2});
  second["Sequence"]["type_id"] = 1;
  templates["post_processor"]["pair"] = {bos, first, eos, eos, second, eos};
  CHECK(contains(refuse_files(as_written(templates)), "all of type_id 0"));  // what follows is of type 0 again
  second["Sequence"]["type_id"] = 0;
  templates["post_processor"]["pair"] = {bos, first, eos, eos, second, eos};
  CHECK_NOTHROW((void)load_files(as_written(templates)));
  templates["post_processor"]["special_tokens"]["</s>"]["ids"] = {5, 2};
  CHECK(load_files(as_written(templates)).encode("a") == TokenIds{0, 6, 5, 2});
  CHECK(load_files(as_written(templates)).encode("aaa", 4) == TokenIds{0, 6, 5, 2});
  templates["post_processor"]["single"] = {bos, first};
  CHECK(contains(refuse_files(as_written(templates)), "post_processor"));

  Json merging = tiny_json();
  merging["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers", {{{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}}}}};
  merging["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"add_prefix_space", true}};
  CHECK(load_files(as_written(merging)).encode("a ") == TokenIds{0, 6, 4, 2});
  CHECK(load_files({{"tokenizer.json", merging.dump()}}).encode("a ") == TokenIds{0, 6, 2});
  // As transformers 4.40 and later convert a sentencepiece model.
  const Json strip = {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  merging["normalizer"]["normalizers"].insert(merging["normalizer"]["normalizers"].begin(), strip);
  merging["normalizer"]["normalizers"][1]["content"] = "▁";
  CHECK(load_files(as_written(merging)).encode("a  a  ") == TokenIds{0, 6, 6, 2});
  // Where a long text is taken in parts, a token with spaces is still found.
  merging["added_tokens"].push_back({{"id", 8}, {"content", "a  a"}, {"special", false}});
  const Tokenizer spaced = load_files(as_written(merging));
  for (std::size_t size = 16 * 1024 - 8; size < 16 * 1024 + 8; ++size) {
    const auto ids = spaced.encode(std::string(size, 'x') + "   a   a");
    CHECK(ids[ids.size() - 2] == 8);
  }
  merging["normalizer"] = nullptr;
  merging["added_tokens"].erase(2);
  CHECK(load_files(as_written(merging)).encode("a  aa ") == TokenIds{0, 6, 4, 6, 5, 4, 2});
}

TEST_CASE("tokenizer.json comes before a sentencepiece model beside it") {
  const auto both =
      load_files({{"tokenizer.json", tiny_json().dump()}, {"sentencepiece.bpe.model", TinyModel().bytes()}});
  CHECK(both.vocabulary_size() == 8);
  CHECK(both.source().filename() == "tokenizer.json");
}

TEST_CASE("a tokenizer.json that is no JSON is refused") {
  const std::string whole = tiny_json().dump();
  for (const std::string& text :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"), std::string("null"),
        std::string(100'000, '['), "{\"model\": {\"type\": \"Unigram\", \"unk_id\": " + test::deep_json() + "}}"}) {
    CHECK(contains(refuse_json(text), "tokenizer.json"));
  }
}

TEST_CASE("a vocabulary has as many pieces as it may have") {
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < pieces_max; ++i) vocabulary.add("x", 0);
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { vocabulary.add("x", 0); }), "more than 4194304 pieces"));
}
