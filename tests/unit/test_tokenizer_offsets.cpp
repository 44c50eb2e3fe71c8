// That places are those of tokenizers is tested live, in tests/python/test_tokenizer_places.py.
#include <algorithm>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/tokenizer.h"
#include "support/expect_error.h"
#include "support/golden_texts.h"
#include "support/temp_dir.h"
#include "text/utf8.h"

using namespace bgem3;
using namespace bgem3::test;

namespace {

// The parts of `text` at the places of its tokens, without those of the special tokens around it.
std::vector<std::string_view> parts(const Tokenizer& tokenizer, std::string_view text) {
  const TokensWithOffsets found = tokenizer.encode_with_offsets(text);
  std::vector<std::string_view> result;
  for (std::size_t i = 1; i + 1 < found.offsets.size(); ++i) {
    const auto [begin, end, word] = found.offsets[i];
    result.push_back(text.substr(begin, end - begin));
  }
  return result;
}

std::vector<std::int32_t> words(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> result;
  for (const auto& token : tokenizer.encode_with_offsets(text).offsets) result.push_back(token.word);
  return result;
}

void check_places(const Tokenizer& tokenizer, std::string_view text, std::size_t max_length) {
  CAPTURE(text);
  const TokensWithOffsets found = tokenizer.encode_with_offsets(text, max_length);
  CHECK(found.ids == tokenizer.encode(text, max_length));
  REQUIRE(found.offsets.size() == found.ids.size());
  for (const auto* special : {&found.offsets.front(), &found.offsets.back()}) {
    CHECK(special->begin == 0);
    CHECK(special->end == 0);
    CHECK(special->word == -1);
  }
  const auto is_boundary = [&](std::size_t at) { return at == text.size() || !utf8::is_tail(text[at]); };
  const auto is_good = [&](const TokenOffsets& token, const TokenOffsets& before) {
    return token.begin < token.end && token.end <= text.size() && is_boundary(token.begin) && is_boundary(token.end) &&
           token.begin >= before.begin && token.word >= std::max(0, before.word);
  };
  for (std::size_t i = 1; i + 1 < found.offsets.size(); ++i) {
    REQUIRE(is_good(found.offsets[i], found.offsets[i - 1]));
  }
}

}  // namespace

TEST_CASE("ids with places are those without, and places are characters of the text, in order") {
  for (const auto pipeline : {TokenizerPipeline::transformers_5, TokenizerPipeline::tokenizer_json}) {
    const auto& tokenizer = xlm_roberta(pipeline);
    for (const auto& row : golden()) {
      for (const std::size_t max_length : {0, 7}) check_places(tokenizer, row.text, max_length);
    }
  }
}

TEST_CASE("a token's place is what it stands for") {
  using Parts = std::vector<std::string_view>;
  const auto& classic = xlm_roberta();
  CHECK(parts(classic, "Hello  big World") == Parts{"Hello", "big", "World"});
  CHECK(parts(classic, "é e\u0301") == Parts{"é", "e"});   // a cluster that becomes one character has its first one's
  CHECK(parts(classic, "㈱") == Parts{"㈱", "㈱", "㈱"});  // three characters of one
  CHECK(parts(classic, "a <mask>b") == Parts{"a", " <mask>", "b"});
  CHECK(words(classic, "a <mask>b big") == std::vector<std::int32_t>{-1, 0, 1, 2, 3, -1});
  const auto& replace = xlm_roberta(TokenizerPipeline::tokenizer_json);
  CHECK(parts(replace, "Hello  big ") == Parts{"Hello", " big", " "});  // a mark has the last of its spaces
  CHECK(classic.encode_with_offsets("").offsets.size() == 2);
}

// Neighbouring unknown characters are one token, also where the search for pieces was taken up between them.
TEST_CASE("unknown characters share a place") {
  const std::string text = "\U000e0041\U000e0042\U000e0043";
  CHECK(parts(xlm_roberta(), text) == std::vector<std::string_view>{std::string_view(text).substr(0, 4), text});
  const TokensWithOffsets cut = xlm_roberta().encode_with_offsets(text + " b", 4);
  REQUIRE(cut.offsets.size() == 4);
  CHECK(cut.offsets[2].end == text.size());
}

TEST_CASE("places in bytes that are not UTF-8") {
  const std::string_view text = "ab\xff<mask>\xe2\x82 c\xff";
  const TokensWithOffsets found = xlm_roberta().encode_with_offsets(text);
  CHECK(found.ids == xlm_roberta().encode(text));
  CHECK(parts(xlm_roberta(), text) == std::vector<std::string_view>{"ab", "<mask>", "c"});
  for (const auto& token : found.offsets) CHECK(token.end <= text.size());
}

TEST_CASE("a text loses its beginning together with its places") {
  const auto tokenizer = Tokenizer::load(xlm_roberta().source().parent_path(), {.truncate_left = true});
  const std::string_view text = "one two three four";
  const TokensWithOffsets whole = tokenizer.encode_with_offsets(text);
  const TokensWithOffsets cut = tokenizer.encode_with_offsets(text, 4);
  REQUIRE(cut.ids.size() == 4);
  CHECK(cut.ids == tokenizer.encode(text, 4));
  for (std::size_t i = 1; i < 3; ++i) {
    const auto& expected = whole.offsets[whole.offsets.size() - 4 + i];
    CHECK(cut.offsets[i].begin == expected.begin);
    CHECK(cut.offsets[i].end == expected.end);
    CHECK(cut.offsets[i].word == expected.word);
  }
}

TEST_CASE("a stop ends the search for places") {
  std::stop_source source;
  source.request_stop();
  expect_error(ErrorCode::cancelled, [&] { (void)xlm_roberta().encode_with_offsets("a text", 0, source.get_token()); });
}

TEST_CASE("places of a text of a megabyte, with and without spaces") {
  for (const std::string_view unit : {"word é ", "a", "0123\u0301"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += unit;
    check_places(xlm_roberta(), text, 0);
    check_places(xlm_roberta(), text, 8192);
  }
  expect_error(ErrorCode::invalid_argument, [] { (void)xlm_roberta().encode_with_offsets("a", 1); });
}
