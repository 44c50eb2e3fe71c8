#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "cli/jsonl_record.h"
#include "text/surrogates.h"

using bgem3::MendedJson;

namespace {

std::string mended(std::string_view json) { return std::string(MendedJson(json).text()); }

}  // namespace

TEST_CASE("an escaped half of a surrogate pair without the other one counts as U+FFFD") {
  CHECK(mended(R"("\ud83d")") == R"("\ufffd")");
  CHECK(mended(R"("\ude00")") == R"("\ufffd")");
  CHECK(mended(R"("a \uD83D b \uDE00 c")") == R"("a \ufffd b \ufffd c")");
  CHECK(mended(R"("\ude00\ud83d")") == R"("\ufffd\ufffd")");  // the wrong way round
  CHECK(mended(R"("\ud83dx\ude00")") == R"("\ufffdx\ufffd")");
  CHECK(mended(R"("\ud83d\u0041")") == R"("\ufffd\u0041")");
  CHECK(mended(R"("\ud83d\n\ude00")") == R"("\ufffd\n\ufffd")");
  CHECK(mended(R"(["\ud83d","\ude00"])") == R"(["\ufffd","\ufffd"])");  // of two strings
  CHECK(mended(R"({"\udbff": 1})") == R"({"\ufffd": 1})");
  for (const char* half : {"\\ud800", "\\udbff", "\\uDC00", "\\udFfF"}) CHECK(mended(half) == "\\ufffd");
}

TEST_CASE("pairs stay, also beside a half") {
  CHECK(mended(R"("\ud83d\ude00")") == R"("\ud83d\ude00")");
  CHECK(mended(R"("\uDBFF\uDFFF")") == R"("\uDBFF\uDFFF")");
  CHECK(mended(R"("\ud83d\ud83d\ude00")") == R"("\ufffd\ud83d\ude00")");
  CHECK(mended(R"("\ud83d\ude00\ude00")") == R"("\ud83d\ude00\ufffd")");
}

TEST_CASE("what is no escape of a half stays") {
  // An escaped backslash before a "u", another character on either side of the halves, an escape that is none.
  for (const std::string_view json :
       {R"("\\ud83d")", R"("\\\\ude00")", R"("\ud7ff\ue000\u00e9\uFFFD")", R"("ud83d")", R"("\Ud83d")", R"("\ud8")",
        R"("\udzzz")", R"("\ud83-")", R"("\u+83d")", R"("\ud83)", R"("\u)", "\"\\", "\\", "", "\"\xed\xa0\xbd\""}) {
    CAPTURE(json);
    CHECK(mended(json) == json);
  }
  CHECK(mended(R"("\\\ud83d")") == R"("\\\ufffd")");
  CHECK(mended(R"("\ud83d\\ude00")") == R"("\ufffd\\ude00")");
  CHECK(mended(R"("\ud83d\ude0")") == R"("\ufffd\ude0")");
}

TEST_CASE("nothing is copied where nothing is replaced") {
  const std::string json = R"(["\ud83d\ude00", "\u00e9\n"])";
  CHECK(MendedJson(json).text().data() == json.data());
}

TEST_CASE("any sequence of units is JSON when it is mended, and means what it meant") {
  constexpr std::string_view units[] = {"\\ud83d", "\\ude00", "\\u00e9", "\\\\", "u", "d83d"};
  constexpr std::size_t places = 5;
  std::size_t sequences = 1;
  for (std::size_t place = 0; place < places; ++place) sequences *= std::size(units);
  for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
    std::string json = "\"", expected;
    std::size_t rest = sequence;
    bool is_half = false;  // the first, which the second may follow
    for (std::size_t place = 0; place < places; ++place, rest /= std::size(units)) {
      const std::size_t unit = rest % std::size(units);
      json += units[unit];
      constexpr std::string_view alone[] = {"\ufffd", "\ufffd", "\u00e9", "\\", "u", "d83d"};
      if (unit == 1 && is_half) {
        expected.replace(expected.size() - 3, 3, "\U0001f600");
      } else {
        expected += alone[unit];
      }
      is_half = unit == 0;
    }
    json += '"';
    CAPTURE(json);
    CHECK(nlohmann::json::parse(MendedJson(json).text()).get<std::string>() == expected);
  }
}

TEST_CASE("texts of JSON lines are mended, ids with such a half refused") {
  bgem3::cli::JsonlRecord record;
  CHECK(bgem3::cli::parse_record(R"({"id": "a", "text": "a \ud83d b", "\ud83d": 1})", record).empty());
  CHECK(record.text == "a \ufffd b");
  CHECK(bgem3::cli::parse_record("{\"id\": \"\ufffd\", \"text\": \"a\"}", record).empty());
  CHECK(record.id == "\"\ufffd\"");
  const auto fault = bgem3::cli::parse_record(R"({"id": "b\ude00", "text": "a"})", record);
  CHECK(fault == "\"id\" of type string with half of a surrogate pair");
}
