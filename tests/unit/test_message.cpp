#include "bgem3/detail/message.h"

#include <string>

#include <doctest/doctest.h>

#include "bgem3/error.h"
#include "text/utf8.h"

using namespace bgem3;
using detail::in_one_line;
using detail::in_quotes;
using detail::printable;
using detail::ShortList;

TEST_CASE("a terminal is sent no control characters") {
  CHECK(printable("plain, é, 日本, 🙂") == "plain, é, 日本, 🙂");
  CHECK(printable("\x1b[31mred\x07") == "\\x1b[31mred\\x07");
  CHECK(printable(std::string_view("nul\0", 4)) == "nul\\x00");
  CHECK(printable("tab\treturn\r") == "tab\\treturn\\r");
  CHECK(printable("\x7f") == "\\u007f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\u009b31m");     // CSI in one character
  CHECK(printable("\xc2\xa0") == "\xc2\xa0");  // the next one is shown
}

TEST_CASE("the direction of writing stays what it is") {
  for (std::uint32_t c = 0x2020; c <= 0x2070; ++c) {
    CAPTURE(c);
    char bytes[4];
    const std::string text(bytes, utf8::encode(c, bytes));
    const bool is_hidden = (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    CHECK((printable(text) != text) == is_hidden);
  }
  CHECK(printable("\u202eabc") == "\\u202eabc");
  CHECK(printable("\u061c\u200e\u200f") == "\\u061c\\u200e\\u200f");
}

TEST_CASE("what is not UTF-8 is shown byte by byte") {
  CHECK(printable("models/\xff") == "models/\\xff");
  CHECK(printable("\xe2\x82") == "\\xe2\\x82");           // cut off
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");           // longer than it needs to be
}

TEST_CASE("lines of a message stay, those of a name do not") {
  CHECK(printable("two\nlines") == "two\nlines");
  CHECK(in_quotes("two\nlines") == "'two\\nlines'");
  CHECK(in_quotes("a\x1b") == "'a\\x1b'");
  CHECK(in_one_line("a\nb") == "a\\nb");
}

TEST_CASE("what is printable is left alone") {
  const std::string once = printable("\x1b \u202e \xff \n");
  CHECK(printable(once) == once);
}

TEST_CASE("of a long name the middle is left out") {
  const std::string longest(detail::name_characters_max, 'x');
  CHECK(in_one_line(longest) == longest);
  const std::string name = "begin" + longest + "end";
  const std::string shown = in_one_line(name);
  CHECK(shown.starts_with("begin"));
  CHECK(shown.ends_with("xend"));
  CHECK(shown.find("x…x") != std::string::npos);
  CHECK(shown.size() == detail::name_characters_max - 1 + std::string("…").size());
  std::string wide;
  for (std::size_t i = 0; i < detail::name_characters_max; ++i) wide += "語";
  CHECK(in_one_line(wide) == wide);
  const std::string cut = in_one_line(wide + "x");
  CHECK(utf8::valid_prefix(cut) == cut.size());
  CHECK(cut.ends_with("語x"));
  // Bytes that are no characters are counted as such.
  CHECK(in_one_line(std::string(1'000'000, '\xff')).size() < 4 * detail::name_characters_max + 8);
  CHECK(in_one_line(std::string(1'000'000, '\xbf')).size() < 4 * detail::name_characters_max + 8);
}

TEST_CASE("a path is shown up to its end") {
  const std::filesystem::path path = std::string(5000, 'd') + "/config.json";
  CHECK(in_quotes(path).ends_with("d/config.json'"));
  CHECK(in_quotes(path).size() < detail::path_characters_max + 8);
  CHECK(in_quotes(std::filesystem::path("a\xff")) == "'a\\xff'");
}

TEST_CASE("of a list the first 20 are shown") {
  ShortList list;
  CHECK(list.text().empty());
  for (std::size_t i = 0; i < ShortList::shown_max; ++i) list.add("a");
  CHECK(list.is_full());
  CHECK(list.text().find("more") == std::string::npos);
  list.add("b");
  CHECK(list.text().ends_with("a, a and 1 more"));
  list.add_unseen(9);
  CHECK(list.text().ends_with(" and 10 more"));
  CHECK(list.count() == 30);
}

TEST_CASE("every error is printable and short") {
  const Error error(ErrorCode::bad_model, "\x1b]0;title\x07 \xff\nsecond line");
  CHECK(std::string(error.what()) == "\\x1b]0;title\\x07 \\xff\nsecond line");
  for (const std::size_t size : {7'900, 7'999, 8'000, 8'001, 100'000}) {
    for (const char* part : {"x", "\x1b", "語", "\xff"}) {
      CAPTURE(size);
      CAPTURE(printable(part));
      std::string text;
      while (text.size() < size) text += part;
      const std::string shown = Error(ErrorCode::bad_model, text).what();
      CHECK(shown.size() <= detail::message_bytes_max);
      CHECK(utf8::valid_prefix(shown) == shown.size());
      const std::string again = Error(ErrorCode::bad_model, shown).what();
      CHECK(again == shown);
      const bool fits = printable(text).size() <= detail::message_bytes_max;
      CHECK((shown == printable(text)) == fits);
      if (!fits) CHECK(shown.ends_with(" bytes more)"));
    }
  }
}
