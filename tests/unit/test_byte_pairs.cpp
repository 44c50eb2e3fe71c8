// A small vocabulary, and what is refused. That ids are those of tokenizers on every text is tested live, in
// tests/parity/test_byte_level.py; ids named here are what tokenizers 0.23 gives for the same tokenizer.json.
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "support/byte_level_files.h"
#include "support/cost.h"
#include "support/expect_error.h"
#include "support/tokenizer_files.h"
#include "tokenizer/files/vocabulary.h"

using namespace bgem3;
using namespace bgem3::test;
using Json = nlohmann::json;

namespace {

constexpr std::int32_t first_byte = 5;
constexpr std::int32_t first_merge = 261;
constexpr std::int32_t space_a = first_merge, bc = first_merge + 1, ab = first_merge + 2, e_acute = first_merge + 4,
                       spaces_2 = first_merge + 5, spaces_3 = first_merge + 6;

constexpr std::int32_t id_of(char byte) { return first_byte + static_cast<unsigned char>(byte); }

Tokenizer load_json(const Json& json) {
  return load_files({{"tokenizer.json", json.dump()}}, {.pipeline = TokenizerPipeline::tokenizer_json});
}

std::string refuse_json(const Json& json) { return refuse_files({{"tokenizer.json", json.dump()}}); }

Json changed(const char* pointer, const Json& value) {
  Json json = byte_level_json();
  json[Json::json_pointer(pointer)] = value;
  return json;
}

// Without the special tokens around them.
TokenIds ids(std::string_view text) {
  static const Tokenizer tokenizer = load_json(byte_level_json());
  const TokenIds all = tokenizer.encode(text);
  return {all.begin() + 1, all.end() - 1};
}

std::string repeated(std::string_view unit, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += unit;
  return text;
}

std::string vocabulary_with(const std::string& merges) {
  return refuse_files({{"vocab.json", byte_level_vocabulary().dump()}, {"merges.txt", merges}});
}

}  // namespace

TEST_CASE("the merge that comes first in the list, of equal ones the leftmost") {
  CHECK(ids("abc") == TokenIds{id_of('a'), bc});
  CHECK(ids("ab") == TokenIds{ab});
  CHECK(ids("abab") == TokenIds{ab, ab});
  CHECK(ids("bcbc") == TokenIds{bc, bc});
  CHECK(ids(" ab") == TokenIds{space_a, id_of('b')});
  CHECK(ids("é") == TokenIds{e_acute});
  CHECK(ids("è") == TokenIds{id_of('\xc3'), id_of('\xa8')});
  CHECK(ids("") == TokenIds{});
  CHECK(ids(std::string_view("\0", 1)) == TokenIds{id_of('\0')});
}

TEST_CASE("a long word has the ids of a short one") {
  TokenIds expected;
  for (int i = 0; i < 100; ++i) expected.insert(expected.end(), {ab, ab});
  CHECK(ids(repeated("abab", 100)) == expected);
  CHECK(ids(repeated("é", 50)) == TokenIds(50, e_acute));
}

TEST_CASE("of white space before a word, the last space belongs to that") {
  CHECK(ids("   a") == TokenIds{spaces_2, space_a});
  CHECK(ids("   ") == TokenIds{spaces_3});
  CHECK(ids(" \na") == TokenIds{id_of(' '), id_of('\n'), id_of('a')});
  CHECK(ids("a  \n") == TokenIds{id_of('a'), spaces_2, id_of('\n')});
}

TEST_CASE("places of tokens are without their spaces, as post_processor says") {
  const std::string_view text = "é  ab";
  const auto places = [&](const Json& json) {
    std::vector<std::string> parts;
    const auto found = load_json(json).encode_with_offsets(text);
    for (const auto& place : found.offsets) parts.emplace_back(text.substr(place.begin, place.end - place.begin));
    return parts;
  };
  CHECK(places(byte_level_json()) == std::vector<std::string>{"", "é", "", "a", "b", ""});
  CHECK(places(changed("/post_processor/trim_offsets", false)) ==
        std::vector<std::string>{"", "é", " ", " a", "b", ""});
}

TEST_CASE("decoding joins bytes, and makes U+FFFD of those that are no character") {
  const Tokenizer tokenizer = load_json(byte_level_json());
  for (const std::string text : {"é  ab c", "  ", "中文 x", "a\tb\n"}) {
    CAPTURE(text);
    CHECK(tokenizer.decode(tokenizer.encode(text), /*skip_special_tokens=*/true) == text);
  }
  CHECK(tokenizer.decode(TokenIds{id_of('\xc3'), id_of('a')}, true) == "\ufffda");
  CHECK(tokenizer.decode(TokenIds{id_of('\xe4'), id_of('\xb8')}, true) == "\ufffd");
  CHECK(tokenizer.decode_pieces(std::vector<std::string_view>{"中", "ĠÃ©"}) == "中 é");
}

TEST_CASE("no piece is unknown, so that an id outside of the vocabulary has no text") {
  const Tokenizer tokenizer = load_json(byte_level_json());
  CHECK(tokenizer.special_tokens().unk == -1);
  CHECK(tokenizer.piece(1'000'000).empty());
  CHECK(tokenizer.piece(space_a) == "Ġa");
  CHECK(load_files({{"vocab.json", byte_level_vocabulary().dump()}, {"merges.txt", byte_level_merges_txt()}})
            .special_tokens()
            .unk == 3);
}

TEST_CASE("parts of a long text are joined without a seam") {
  const std::string filler(16 * 1024 - 4, ',');  // around the places where a text is taken apart inside
  for (const std::string seam : {"ab ab ab", "a  b", "é \u3000b ", " <mask> a", "ab   \n ab", "' 's"}) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
      CAPTURE(seam);
      const std::string head = filler.substr(shift);
      TokenIds expected = ids(head);
      const TokenIds tail = ids(" " + seam);
      expected.insert(expected.end(), tail.begin(), tail.end());
      CHECK(ids(head + " " + seam) == expected);
    }
  }
}

TEST_CASE("a text of a megabyte costs little more for each byte than one of a sixteenth") {
  const Tokenizer tokenizer = load_json(byte_level_json());
  for (const std::string_view unit : {"a", "ab", "abc", "é", " ", "\n", "中", "' ", "ab ", "<mask>"}) {
    CAPTURE(unit);
    const auto cost = [&](std::size_t size) {
      const std::string text = repeated(unit, size / unit.size());
      return cost_of([&] { (void)tokenizer.encode(text); }, 3);
    };
    CHECK(cost(1 << 20) < 16 * 6 * cost(1 << 16) + 0.01);
  }
}

TEST_CASE("vocab.json has its merges beside it") {
  const std::string vocabulary = byte_level_vocabulary().dump();
  for (const char* end_of_line : {"\n", "\r\n"}) {
    const Tokenizer tokenizer =
        load_files({{"vocab.json", vocabulary}, {"merges.txt", byte_level_merges_txt(end_of_line)}});
    CHECK(tokenizer.source().filename() == "vocab.json");
    CHECK(tokenizer.encode(" ab<mask>") == TokenIds{0, space_a, id_of('b'), 4, 2});
    CHECK(tokenizer.special_template().between == TokenIds{2, 2});
  }
  CHECK(contains(refuse_files({{"vocab.json", vocabulary}}), "merges.txt"));
  CHECK(contains(vocabulary_with("a b\nab\n"), "line 2: expected two pieces, found 'ab'"));
  CHECK(contains(vocabulary_with("a b c\n"), "line 1: expected two pieces"));
  CHECK(contains(vocabulary_with("a b\n\nb c\n"), "line 2: expected two pieces"));
  CHECK(contains(vocabulary_with("a \xff\n"), "UTF-8"));
  CHECK(contains(vocabulary_with("a zz\n"), "merge 0 of 'a' and 'zz': the vocabulary lacks 'zz'"));
  CHECK(contains(vocabulary_with("b a\n"), "the vocabulary lacks 'ba'"));
  CHECK(contains(refuse_files({{"vocab.json", "[]"}, {"merges.txt", ""}}), "should be an object of pieces"));
  CHECK(contains(refuse_files({{"vocab.json", "{"}, {"merges.txt", ""}}), "is not valid JSON"));
  CHECK(contains(refuse_files({{"vocab.json", R"({"a": 1})"}, {"merges.txt", ""}}),
                 "gives 'a' the id 1; expected one of 0 to 0"));
}

TEST_CASE("a vocabulary without one of the bytes, which tokenizers would leave out of texts") {
  Json json = byte_level_json();
  json["model"]["vocab"].erase("Ã");
  json["model"]["vocab"]["x y"] = id_of('\xc3');
  json["model"]["merges"].erase(4);
  CHECK(contains(refuse_json(json), "the vocabulary lacks 'Ã', the piece of byte 0xc3"));
}

TEST_CASE("lists of merges have a limit, and are of one kind") {
  Vocabulary vocabulary;
  vocabulary.merges.resize(pieces_max);
  CHECK(contains(expect_error(ErrorCode::bad_model,
                              [&] {
                                vocabulary.add_merge({"a", "b"});
                              }),
                 "more than 4194304 merges"));
  Json both = byte_level_json();
  both["model"]["merges"].push_back("b c");
  CHECK(contains(refuse_json(both), "found both"));
  CHECK(contains(refuse_json(changed("/model/merges/0", Json{"a"})), "entry 0 of model.merges should be two pieces"));
  CHECK(contains(refuse_json(changed("/model/merges", Json{"a b c"})), "expected two pieces with a space between"));
  CHECK(contains(refuse_json(changed("/model/merges", "a b")), "model.merges should be a list"));
}

TEST_CASE("options that would change ids are refused") {
  CHECK(contains(refuse_json(changed("/model/dropout", 0.1)), "dropout"));
  CHECK(contains(refuse_json(changed("/model/continuing_subword_prefix", "##")), "continuing_subword_prefix"));
  CHECK(contains(refuse_json(changed("/model/end_of_word_suffix", "</w>")), "end_of_word_suffix"));
  CHECK(contains(refuse_json(changed("/model/byte_fallback", true)), "byte_fallback"));
  CHECK(contains(refuse_json(changed("/model/ignore_merges", true)), "ignore_merges"));
  CHECK(contains(refuse_json(changed("/model/colour", "red")), "'colour'"));
  CHECK(contains(refuse_json(changed("/model/unk_token", "<none>")), "unk_token should be a piece"));
  CHECK(contains(refuse_json(changed("/pre_tokenizer/add_prefix_space", nullptr)), "add_prefix_space"));
  CHECK(contains(refuse_json(changed("/pre_tokenizer/colour", "red")), "'colour'"));
  CHECK(contains(refuse_json(changed("/pre_tokenizer", {{"type", "BertPreTokenizer"}})), "ByteLevel alone"));
  const Json two = {{"type", "Sequence"},
                    {"pretokenizers", {byte_level_json()["pre_tokenizer"], {{"type", "Whitespace"}}}}};
  CHECK(contains(refuse_json(changed("/pre_tokenizer", two)), "ByteLevel alone"));
  CHECK(contains(refuse_json(changed("/normalizer", {{"type", "NFC"}})), "normalizer"));
}

TEST_CASE("a stop ends a text within it") {
  const Tokenizer tokenizer = load_json(byte_level_json());
  std::stop_source source;
  source.request_stop();
  const std::string text = repeated("ab ", 100'000);
  expect_error(ErrorCode::cancelled, [&] { (void)tokenizer.encode_with_offsets(text, 0, source.get_token()); });
}
