#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/tokenizer.h"
#include "support/expect_error.h"
#include "support/golden_texts.h"
#include "text/utf8.h"

using namespace bgem3;
using namespace bgem3::test;

namespace {

TokenIds classic(std::string_view text, std::size_t max_length = 0) { return xlm_roberta().encode(text, max_length); }
TokenIds replace(std::string_view text) { return xlm_roberta(TokenizerPipeline::replace).encode(text); }

}  // namespace

TEST_CASE("ids of the golden texts are Hugging Face's in both pipelines") {
  REQUIRE(golden().size() == 5023);
  for (const auto& row : golden()) {
    CAPTURE(row.text);
    CHECK(classic(row.text) == row.classic);
    CHECK(replace(row.text) == row.replace);
  }
}

TEST_CASE("vocabulary and special tokens are XLM-R's") {
  const auto& tokenizer = xlm_roberta();
  CHECK(tokenizer.vocabulary_size() == 250002);
  const auto& special = tokenizer.special_tokens();
  CHECK(special.cls == 0);
  CHECK(special.pad == 1);
  CHECK(special.eos == 2);
  CHECK(special.unk == 3);
  CHECK(special.mask == 250001);
  CHECK(tokenizer.piece(0) == "<s>");
  CHECK(tokenizer.piece(6) == "▁");
  CHECK(tokenizer.piece(35378) == "▁Hello");
  CHECK(tokenizer.piece(250001) == "<mask>");
  CHECK(tokenizer.piece(-1) == "<unk>");
  CHECK(tokenizer.piece(250002) == "<unk>");
  CHECK(tokenizer.source().filename() == "tokenizer.json");
  CHECK(tokenizer.count_tokens("Hello World") == 4);
}

TEST_CASE("nothing and white space") {
  CHECK(classic("") == TokenIds{0, 2});
  CHECK(classic(" \t\r\n\u00a0\u3000\u0085 ") == TokenIds{0, 2});
  CHECK(replace("") == TokenIds{0, 2});
  CHECK(replace("   ") == TokenIds{0, 6, 2});
  CHECK(classic("a ") == classic("a"));
  CHECK(replace("a ") == TokenIds{0, 10, 6, 2});
}

TEST_CASE("NUL is a character like any other unknown one") {
  CHECK(classic(std::string_view("a\0b", 3)) == TokenIds{0, 10, 3, 275, 2});
}

TEST_CASE("special tokens written in a text become their ids, exactly and only as a whole") {
  CHECK(classic("<s>") == TokenIds{0, 0, 2});
  CHECK(classic("<pad></s><unk><mask>") == TokenIds{0, 1, 2, 3, 250001, 2});
  CHECK(classic("<S>") != TokenIds{0, 0, 2});
  CHECK(classic("a <mask>") == TokenIds{0, 10, 250001, 2});
  CHECK(replace("a \t<mask>") == TokenIds{0, 10, 250001, 2});
  CHECK(replace("a </s>") == TokenIds{0, 10, 6, 2, 2});
  CHECK(classic("＜s＞") == TokenIds{0, 6, 0, 2});  // made by normalisation, and Hugging Face takes it
}

TEST_CASE("normalisation goes by grapheme clusters") {
  CHECK(classic("Ａ\u0301") == classic("A"));           // three and two bytes: the accent is lost
  CHECK(classic("ﾊﾟ") != classic("パ"));                // six bytes: one by one
  CHECK(classic("\u1100\u1165") != classic("\uac70"));  // so conjoining jamo are not composed
  CHECK(classic("e\u0301") == classic("\u00e9"));       // three bytes: composed
  CHECK(classic("\u0915\u094d\u0958\u0301") == classic("\u0915\u094d\u0915\u093c\u0301"));  // an Indic conjunct
  CHECK(classic("ª\u1acf") == classic("a"));                                                // a mark of Unicode 17
}

TEST_CASE("ties between segmentations fall as they do in each pipeline") {
  CHECK(classic("beccc") == TokenIds{0, 186, 238, 10060, 2});
  CHECK(classic("onu-----") == TokenIds{0, 17107, 9, 106115, 2});
  CHECK(replace("onu-----") == TokenIds{0, 17107, 106115, 9, 2});  // scores lose their last bit in tokenizer.json
}

TEST_CASE("bytes that are not UTF-8 count as U+FFFD, one for each maximal part") {
  CHECK(utf8::repair("a\xff"
                     "b") == "a\ufffdb");
  CHECK(utf8::repair("\xe2\x82"
                     "A") == "\ufffdA");
  CHECK(utf8::repair("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");  // a surrogate
  CHECK(utf8::repair("\xf0\x80\x80") == "\ufffd\ufffd\ufffd");  // overlong
  CHECK(utf8::repair("\xf0\x9f\x98") == "\ufffd");              // cut off
  CHECK(utf8::repair("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");
  CHECK(classic("a\xff"
                "b") == TokenIds{0, 10, 876, 2});
  CHECK(classic("\xe3\x81<s>") == TokenIds{0, 0, 2});
  CHECK(classic("\xc2") == TokenIds{0, 2});
}

TEST_CASE("max_length keeps the first ids and the final </s>") {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  const TokenIds whole = classic(text);
  for (std::size_t limit = 2; limit <= whole.size() + 1; ++limit) {
    TokenIds expected(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(std::min(limit, whole.size()) - 1));
    expected.push_back(2);
    CHECK(classic(text, limit) == expected);
  }
  CHECK(classic("", 2) == TokenIds{0, 2});
  CHECK(classic("<mask><mask><mask>", 3) == TokenIds{0, 250001, 2});
  CHECK(contains(expect_error(ErrorCode::invalid_argument, [] { (void)classic("a", 1); }), "max_length"));
  const std::vector<std::string_view> texts = {"a"};
  expect_error(ErrorCode::invalid_argument, [&] { (void)xlm_roberta().encode_batch(texts, 1); });
}

TEST_CASE("truncating a long text is the same as cutting its ids") {
  std::string text;
  for (const auto& row : golden()) text += row.text + (text.size() % 3 == 0 ? "" : " ");
  TokenIds expected = classic(text);
  REQUIRE(expected.size() > 50'000);
  expected.resize(8191);
  expected.push_back(2);
  CHECK(classic(text, 8192) == expected);
}

TEST_CASE("100 kB without a space") {
  for (const std::string unit : {"a", "0123456789abcdef", "あア", "😀", "\u0301", "<", "\xff"}) {
    std::string text;
    while (text.size() < 100'000) text += unit;
    CAPTURE(unit);
    const TokenIds ids = classic(text);
    CHECK(ids.front() == 0);
    CHECK(ids.back() == 2);
    CHECK(ids.size() >= 3 - static_cast<std::size_t>(unit == "\xff"));
    CHECK(std::all_of(ids.begin(), ids.end(), [](auto id) { return id >= 0 && id < 250002; }));
  }
}

TEST_CASE("parts of a long text are joined without a seam") {
  // Spaces around the places where a text of many kilobytes is taken apart inside.
  const std::string filler(16 * 1024 - 4, 'x');
  for (const std::string seam : {"ab cd ef", "a  b  c", "é \u0301b ", " <mask> a", "ab\u0301 \u0301 c", "a\u0600 b"}) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
      CAPTURE(seam);
      const std::string head = filler.substr(shift) + " ";
      for (const auto pipeline : {TokenizerPipeline::classic, TokenizerPipeline::replace}) {
        const auto& tokenizer = xlm_roberta(pipeline);
        TokenIds expected = tokenizer.encode(filler.substr(shift));
        const TokenIds tail = tokenizer.encode("x " + seam);  // "▁x" stands for the filler
        expected.pop_back();
        expected.insert(expected.end(), tail.begin() + 2, tail.end());
        CHECK(tokenizer.encode(head + seam) == expected);
      }
    }
  }
}
