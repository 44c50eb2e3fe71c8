// Small vocabularies, and what is refused. That ids are those of tokenizers on every text is tested live, in
// tests/parity/test_word_piece.py; ids named here are what tokenizers 0.23 gives for the same tokenizer.json.
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "support/bert_files.h"
#include "support/cost.h"
#include "support/expect_error.h"
#include "support/tokenizer_files.h"
#include "tokenizer/files/tokenizer_json.h"

using namespace bgem3;
using namespace bgem3::test;
using Json = nlohmann::json;

namespace {

Tokenizer load_json(const Json& json) {
  return load_files({{"tokenizer.json", json.dump()}}, {.pipeline = TokenizerPipeline::tokenizer_json});
}

std::string refuse_json(const Json& json) {
  const Json config = {{"tokenizer_class", "TokenizersBackend"}};
  return refuse_files({{"tokenizer.json", json.dump()}, {"tokenizer_config.json", config.dump()}});
}

// bert_json() with the value at one place of it replaced.
Json changed(const char* pointer, const Json& value) {
  Json json = bert_json();
  json[Json::json_pointer(pointer)] = value;
  return json;
}

Json without(const char* pointer) {
  Json json = bert_json();
  const Json::json_pointer place(pointer);
  json[place.parent_pointer()].erase(place.back());
  return json;
}

TokenIds ids(std::string_view text) {
  static const Tokenizer tokenizer = load_json(bert_json());
  return tokenizer.encode(text);
}

std::string repeated(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += unit;
  return text;
}

}  // namespace

TEST_CASE("an object of pieces has as many as it may have, and is refused before it is whole") {
  std::string text = R"({"model":{"type":"WordPiece","vocab":{)";
  for (std::size_t id = 0; id <= pieces_max; ++id) text += "\"" + std::to_string(id) + "\":0,";
  // What follows is not read any more: it is no JSON.
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)read_tokenizer_json(text + "!"); }),
                 "more than 4194304 pieces"));
}

TEST_CASE("each time the longest piece") {
  CHECK(ids("ab") == TokenIds{2, 7, 3});
  CHECK(ids("aab") == TokenIds{2, 5, 10, 3});
  CHECK(ids("abab") == TokenIds{2, 7, 10, 3});
  CHECK(ids("aba") == TokenIds{2, 7, 8, 3});
  CHECK(ids("bab") == TokenIds{2, 6, 10, 3});
  CHECK(ids("ab,a\tb\u3000a") == TokenIds{2, 7, 18, 5, 6, 5, 3});
  CHECK(ids("") == TokenIds{2, 3});
  CHECK(ids(" \n ") == TokenIds{2, 3});
}

TEST_CASE("a word of which a part is no piece is unknown as a whole") {
  CHECK(ids("ab abz ab") == TokenIds{2, 7, 1, 7, 3});
  CHECK(ids("zab") == TokenIds{2, 1, 3});
  CHECK(ids("ae,z,e") == TokenIds{2, 5, 12, 18, 1, 18, 11, 3});
}

TEST_CASE("a word of more than a hundred characters is unknown") {
  for (const std::string_view letter : {"a", "é", "É"}) {
    CAPTURE(letter);
    CHECK(ids(repeated(letter, 100)).size() == 102);
    CHECK(ids(repeated(letter, 101)) == TokenIds{2, 1, 3});
  }
  CHECK(ids(repeated("中", 101)).size() == 103);  // words of one character
  const Tokenizer cased = load_json(changed("/normalizer/lowercase", false));
  CHECK(cased.encode(repeated("é", 100)).size() == 102);  // 200 bytes
  CHECK(cased.encode(repeated("é", 101)) == TokenIds{2, 1, 3});
  const Tokenizer none = load_json(changed("/model/max_input_chars_per_word", 0));
  CHECK(none.encode("a") == TokenIds{2, 1, 3});
}

TEST_CASE("pieces within a word bear the prefix that the file names") {
  Json json = bert_json();
  json["model"]["vocab"].erase("##a");
  json["model"]["vocab"]["@@a"] = 8;
  json["model"]["continuing_subword_prefix"] = "@@";
  CHECK(load_json(json).encode("aa") == TokenIds{2, 5, 8, 3});
  CHECK(load_json(json).encode("ab ab,") == TokenIds{2, 7, 7, 18, 3});
  CHECK(load_json(json).encode("bb") == TokenIds{2, 1, 3});
  json["model"]["continuing_subword_prefix"] = "";
  CHECK(load_json(json).encode("abea") == TokenIds{2, 7, 11, 5, 3});
  json["model"]["continuing_subword_prefix"] = "no piece has it";
  CHECK(load_json(json).encode("a ab aa") == TokenIds{2, 5, 7, 1, 3});
}

TEST_CASE("the steps of BertNormalizer, each alone") {
  CHECK(ids("AB É") == TokenIds{2, 7, 11, 3});
  CHECK(ids("a\u200bb\x01 \ufffd" + std::string(1, '\0') + "b") == TokenIds{2, 7, 6, 3});
  CHECK(ids("a中b") == TokenIds{2, 5, 16, 6, 3});
  const Tokenizer cased = load_json(changed("/normalizer/lowercase", false));
  CHECK(cased.encode("AB É é e\u0301") == TokenIds{2, 1, 15, 13, 1, 3});  // accents stay, too
  CHECK_FALSE(cased.lowers_letters());
  CHECK(load_json(bert_json()).lowers_letters());
  CHECK(load_json(changed("/normalizer/strip_accents", false)).encode("AB É") == TokenIds{2, 7, 13, 3});
  CHECK(load_json(changed("/normalizer/handle_chinese_chars", false)).encode("a中b") == TokenIds{2, 5, 17, 9, 3});
  CHECK(load_json(changed("/normalizer/clean_text", false)).encode("a\u200bb a") == TokenIds{2, 1, 5, 3});
}

// 216 is the class of U+1D165, 224 that of U+302E, 9 that of U+1B44 and 230 that of the accent, which is stripped.
TEST_CASE("marks that are not stripped stand in canonical order") {
  CHECK(ids("a\U0001d165\u302e") == TokenIds{2, 5, 19, 20, 3});
  CHECK(ids("a\u302e\U0001d165") == TokenIds{2, 5, 19, 20, 3});
  CHECK(ids("a\u0301\u302e\U0001d165\u1b44") == TokenIds{2, 5, 21, 19, 20, 3});
  CHECK(ids("a\u302e\u0301b\U0001d165") == TokenIds{2, 5, 20, 9, 19, 3});  // not past a letter
  CHECK(ids("a\u302e\x01\U0001d165") == TokenIds{2, 5, 19, 20, 3});        // but past what is cleaned away
  const Tokenizer accents = load_json(changed("/normalizer/strip_accents", false));
  CHECK(accents.encode("a\u302e\U0001d165") == TokenIds{2, 5, 20, 19, 3});
}

TEST_CASE("places of what normalisation changes") {
  const std::string_view text = "Ab\u0301 中é";
  const auto found = load_json(bert_json()).encode_with_offsets(text);
  REQUIRE(found.ids == TokenIds{2, 7, 16, 11, 3});
  const auto part = [&](std::size_t i) {
    return text.substr(found.offsets[i].begin, found.offsets[i].end - found.offsets[i].begin);
  };
  CHECK(part(1) == "Ab");
  CHECK(part(2) == "中");
  CHECK(part(3) == "é");
  CHECK(found.offsets[3].word == 2);
}

TEST_CASE("parts of a long text are joined without a seam") {
  const std::string filler(16 * 1024 - 4, ',');  // around the places where a text is taken apart inside
  for (const std::string seam : {"ab ab ab", "a \u302e\U0001d165 b", "é \u0301b ", " [MASK] a", "中 中  中"}) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
      CAPTURE(seam);
      const std::string head = filler.substr(shift) + " ";
      TokenIds expected = ids(head);
      const TokenIds tail = ids(seam);
      expected.pop_back();
      expected.insert(expected.end(), tail.begin() + 1, tail.end());
      CHECK(ids(head + seam) == expected);
    }
  }
}

TEST_CASE("a text of a megabyte costs no more for each byte than one of a sixteenth") {
  const Tokenizer tokenizer = load_json(bert_json());
  for (const std::string_view unit :
       {"a", "\u0301", "\u302e", "\u302e\U0001d165", "é", "中", "\x01", "ab ", "[MASK]"}) {
    CAPTURE(unit);
    const auto cost = [&](std::size_t size) {
      const std::string text = repeated(unit, size / unit.size());
      return cost_of([&] { (void)tokenizer.encode(text); }, 3);
    };
    CHECK(cost(1 << 20) < 16 * 4 * cost(1 << 16) + 0.01);
  }
}

TEST_CASE("a stop ends a text within it") {
  const Tokenizer tokenizer = load_json(bert_json());
  std::stop_source source;
  source.request_stop();
  const std::string text = repeated("ab ", 100'000);
  const std::vector<std::string_view> texts = {text};
  expect_error(ErrorCode::cancelled, [&] { (void)tokenizer.encode_with_offsets(text, 0, source.get_token()); });
  expect_error(ErrorCode::cancelled, [&] { (void)tokenizer.encode_batch(texts, 0, 1, source.get_token()); });
}

TEST_CASE("vocab.txt has a piece a line") {
  const Tokenizer tokenizer = load_files({{"vocab.txt", bert_lines()}});
  CHECK(tokenizer.vocabulary_size() == bert_pieces.size());
  CHECK(tokenizer.source().filename() == "vocab.txt");
  CHECK(tokenizer.encode("AB É 中[MASK]") == TokenIds{2, 7, 11, 16, 4, 3});
  CHECK(tokenizer.special_tokens().mask == 4);
  CHECK(load_files({{"vocab.txt", bert_lines("\r\n")}}).encode("ab ab,") == TokenIds{2, 7, 7, 18, 3});
  CHECK(load_files({{"vocab.txt", bert_lines() + "x"}}).encode("x") == TokenIds{2, 24, 3});
  CHECK(load_files({{"vocab.txt", bert_lines() + "x  \ny\t\n z\n"}}).encode("x y z") == TokenIds{2, 24, 25, 1, 3});
  CHECK(load_files({{"vocab.txt", bert_lines() + "\u2028\nx\n"}}).encode("x") == TokenIds{2, 25, 3});
}

TEST_CASE("a blank line is a line, and of two equal ones the last counts") {
  const Json more = {{"tokenizer_class", "BertTokenizer"}, {"additional_special_tokens", {"<new>"}}};
  const auto load = [&](const std::string& lines) {
    return load_files({{"vocab.txt", bert_lines() + lines}, {"tokenizer_config.json", more.dump()}});
  };
  CHECK(load("\nx\n").encode("x<new>") == TokenIds{2, 25, 26, 3});
  CHECK(load_files({{"vocab.txt", bert_lines() + "a\nx\n"}}).encode("a x") == TokenIds{2, 24, 25, 3});
  CHECK(load_files({{"vocab.txt", bert_lines() + "[SEP]\n"}}).encode("a") == TokenIds{2, 5, 24});
  // tokenizers gives <new> an id that a piece has.
  for (const char* lines : {"a\n", "a\nx\n", "x\nx\n", "\n\n", "\nx\n\n", "a\n\nx\n"}) {
    CAPTURE(lines);
    CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)load(lines); }),
                   "the vocabulary has lines twice, so that the added token '<new>' would get the id of a piece"));
  }
}

TEST_CASE("vocab.txt that is none") {
  CHECK(contains(refuse_files({{"vocab.txt", ""}}), "found an empty file"));
  CHECK(contains(refuse_files({{"vocab.txt", bert_lines() + "\xff\n"}}), "UTF-8"));
  CHECK(contains(refuse_files({{"vocab.txt", bert_lines() + std::string("x\0\n", 3)}}), "NUL"));
  CHECK(contains(refuse_files({{"vocab.txt", "[PAD]\n[CLS]\n[SEP]\na\n"}}), "lacks unk_token '[UNK]'"));
  const auto beside = [](const char* name) {
    return Files{{"vocab.txt", bert_lines()}, {"tokenizer_config.json", Json{{"tokenizer_class", name}}.dump()}};
  };
  CHECK(contains(refuse_files(beside("XLMRobertaTokenizer")), "expected tokenizer.json or sentencepiece.bpe.model"));
  CHECK(contains(refuse_files(beside("RobertaTokenizer")), "RobertaTokenizer"));
  CHECK(contains(refuse_files(beside("PreTrainedTokenizerFast")), "tokenizer.json, which is missing"));
  CHECK(load_files(beside("BertTokenizerFast")).encode("a") == TokenIds{2, 5, 3});
}

TEST_CASE("unk_token is the one that the files name") {
  Json config = {{"tokenizer_class", "BertTokenizer"}, {"unk_token", "e"}};
  CHECK(load_files({{"vocab.txt", bert_lines()}, {"tokenizer_config.json", config.dump()}}).encode("z") ==
        TokenIds{2, 11, 3});
  config["unk_token"] = "<none>";
  CHECK(contains(refuse_files({{"vocab.txt", bert_lines()}, {"tokenizer_config.json", config.dump()}}),
                 "lacks unk_token '<none>'"));
  config["unk_token"] = nullptr;
  CHECK(contains(refuse_files({{"vocab.txt", bert_lines()}, {"tokenizer_config.json", config.dump()}}),
                 "unk_token should be a token, found null"));
  CHECK(contains(refuse_json(changed("/model/unk_token", "<none>")), "unk_token should be a piece"));
  CHECK(contains(refuse_json(without("/model/unk_token")), "unk_token should be a piece"));
}

TEST_CASE("ids of a vocabulary are those from 0 on, each once") {
  for (const int id : {8, 1, -1, 1'000'000}) {
    CAPTURE(id);
    CHECK(contains(refuse_json(changed("/model/vocab/b", id)), "expected one of 0 to 23 that no other piece has"));
  }
  CHECK(contains(refuse_json(changed("/model/vocab/b", "6")), "model.vocab"));
  CHECK(contains(refuse_json(changed("/model/vocab", Json::object())), "model.vocab should be an object"));
  CHECK(contains(refuse_json(changed("/model/vocab", Json::array({"a"}))), "model.vocab should be an object"));
  CHECK(contains(refuse_json(without("/model/vocab")), "model.vocab should be an object"));
}

TEST_CASE("options of tokenizer.json that are missing or of another kind") {
  for (const char* option : {"clean_text", "handle_chinese_chars", "lowercase"}) {
    const std::string place = std::string("/normalizer/") + option;
    CHECK(contains(refuse_json(without(place.c_str())), option));
    CHECK(contains(refuse_json(changed(place.c_str(), 1)), option));
    CHECK(contains(refuse_json(changed(place.c_str(), nullptr)), option));
  }
  CHECK(load_json(without("/normalizer/strip_accents")).encode("É") == TokenIds{2, 11, 3});
  CHECK(contains(refuse_json(changed("/normalizer/strip_accents", "no")), "strip_accents"));
  CHECK(contains(refuse_json(changed("/normalizer/other", true)), "other"));
  for (const char* option : {"continuing_subword_prefix", "max_input_chars_per_word"}) {
    CHECK(contains(refuse_json(without((std::string("/model/") + option).c_str())), option));
    CHECK(contains(refuse_json(changed((std::string("/model/") + option).c_str(), nullptr)), option));
  }
  CHECK(contains(refuse_json(changed("/model/max_input_chars_per_word", -1)), "max_input_chars_per_word"));
  CHECK(contains(refuse_json(changed("/model/other", true)), "other"));
}

TEST_CASE("what stands around texts") {
  const TokenTemplate of_bert = load_json(bert_json()).special_template();
  CHECK(of_bert.before == TokenIds{2});
  CHECK(of_bert.after == TokenIds{3});
  CHECK(of_bert.between == TokenIds{3});
  CHECK(of_bert.has_types);
  Json json = bert_json();
  json["post_processor"]["pair"][3]["Sequence"]["type_id"] = 0;
  json["post_processor"]["pair"][4]["SpecialToken"]["type_id"] = 0;
  CHECK_FALSE(load_json(json).special_template().has_types);
  json["post_processor"]["special_tokens"]["[CLS]"]["ids"] = {2, 4};
  const Tokenizer longer = load_json(json);
  CHECK(longer.encode("ab") == TokenIds{2, 4, 7, 3});
  CHECK(longer.encode("ab ab", 4) == TokenIds{2, 4, 7, 3});
  CHECK(longer.encode("ab", 3) == TokenIds{2, 4, 3});
  CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { (void)longer.encode("ab", 2); }),
                 "max_length should be 0 (no limit) or at least 3, found 2"));
  expect_error(ErrorCode::invalid_argument, [&] { (void)longer.encode_with_offsets("ab", 1); });
  const Json separators = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  const TokenTemplate of_two = load_json(changed("/post_processor", separators)).special_template();
  CHECK(of_two.between == TokenIds{3});
  CHECK(of_two.has_types);
}

TEST_CASE("the template of a class, whatever tokenizer.json has") {
  const auto load = [](const char* name) {
    return load_files(
        {{"tokenizer.json", bert_json().dump()}, {"tokenizer_config.json", Json{{"tokenizer_class", name}}.dump()}});
  };
  CHECK(load("BertTokenizer").special_template().has_types);
  CHECK_FALSE(load("DistilBertTokenizer").special_template().has_types);
}

TEST_CASE("templates that are not followed") {
  const auto single = [](const Json& parts) { return refuse_json(changed("/post_processor/single", parts)); };
  const auto pair = [](const Json& parts) { return refuse_json(changed("/post_processor/pair", parts)); };
  const Json cls = special_part("[CLS]", 0), sep = special_part("[SEP]", 0), last = special_part("[SEP]", 1);
  const Json a = text_part("A", 0), b = text_part("B", 1);
  const std::vector<std::string> messages = {
      single({cls, a}),
      single({a, sep}),
      single({cls, sep}),
      single({cls, a, sep, a}),
      single({cls, text_part("B", 0), sep}),
      single({cls, text_part("A", 1), sep}),
      single({special_part("[MASK]", 0), a, sep}),
      single(nullptr),
      single({cls, 1, sep}),
      pair({cls, b, sep, a, last}),
      pair({cls, a, sep, a, last}),
      pair({cls, a, sep, b}),
      pair({sep, a, sep, b, last}),
      pair({cls, a, sep, b, sep}),
      pair({cls, a, last, b, last}),
      pair({cls, a, sep, text_part("B", 0), last}),
      pair({cls, a, sep, text_part("B", 2), last}),
      pair({cls, a, sep, b, last, b}),
      refuse_json(changed("/post_processor/special_tokens/[CLS]/ids", Json::array())),
      refuse_json(changed("/post_processor/special_tokens/[CLS]/ids", {-1})),
      refuse_json(changed("/post_processor/special_tokens", nullptr)),
      refuse_json(without("/post_processor"))};
  for (const auto& message : messages) CHECK(contains(message, "post_processor"));
  CHECK(contains(refuse_json(changed("/post_processor/special_tokens/[CLS]/ids", {24})),
                 "the id 24 should be one of 0 to 23"));
}
