// What the command reads texts from, whatever parts its bytes come in.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cli/input/csv_parser.h"
#include "cli/input/kind.h"
#include "cli/input/line_reader.h"
#include "cli/input/text_input.h"
#include "support/expect_error.h"
#include "support/memory_source.h"

namespace {

using namespace std::string_literals;
using namespace bgem3::cli;
using bgem3::test::contains;
using bgem3::test::MemorySource;

// Texts of good records, and the faults of others, each with its line.
std::vector<std::string> read_all(const std::string& bytes, const InputOptions& options, std::size_t part) {
  MemorySource source(bytes, part);
  TextInput input(source, "input", options);
  std::vector<std::string> found;
  Record record;
  while (input.next(record)) {
    found.push_back(record.fault.empty() ? record.id + "|" + record.text
                                         : std::to_string(record.line) + ": " + record.fault);
  }
  return found;
}

// The same, and that it does not depend on the parts.
std::vector<std::string> read_all(const std::string& bytes, const InputOptions& options = {}) {
  const auto whole = read_all(bytes, options, bytes.size() + 1);
  for (const std::size_t part : {1, 2, 3, 5, 64}) CHECK(read_all(bytes, options, part) == whole);
  return whole;
}

InputOptions of_format(const std::string& format) {
  InputOptions options;
  options.format = format;
  return options;
}

std::string utf16(const std::u16string& text, bool is_big_endian) {
  std::string bytes;
  for (const char16_t unit : u"\ufeff" + text) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    bytes += is_big_endian ? high : low;
    bytes += is_big_endian ? low : high;
  }
  return bytes;
}

template <typename Work>
void expect_refusal(const std::string& part, Work&& work) {
  CHECK(contains(bgem3::test::expect_error(bgem3::ErrorCode::invalid_argument, work), part));
}

struct Refused {
  std::string bytes;
  std::string message;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lines, with and without marks") {
  const Texts expected = {"|one", "|", "|zwei ü", "|three"};
  const auto text = "one\n\r\nzwei ü\r\nthree"s;
  CHECK(read_all(text) == expected);
  CHECK(read_all(text + "\n") == expected);
  CHECK(read_all("\xef\xbb\xbf" + text) == expected);
  CHECK(read_all("").empty());
  CHECK(read_all("\xef\xbb\xbf").empty());
  CHECK(read_all("\n") == Texts{"|"});
}

TEST_CASE("UTF-16 with a mark") {
  for (const bool is_big_endian : {false, true}) {
    CAPTURE(is_big_endian);
    CHECK(read_all(utf16(u"one\r\n\nü \u4e16\u754c\n\U0001f600\U00010000\U0010ffff\n", is_big_endian)) ==
          Texts{"|one", "|", "|ü \u4e16\u754c", "|\U0001f600\U00010000\U0010ffff"});
    CHECK(read_all(utf16(u"{\"text\": \"\u00e9\", \"id\": 4}\n", is_big_endian), of_format("jsonl")) ==
          Texts{"4|\u00e9"});
    CHECK(read_all(utf16(u"", is_big_endian)).empty());
    const auto refuses = [&](const std::string& bytes, const char* message) {
      for (const std::size_t part : {1, 3, 1000}) {
        expect_refusal(message, [&] { (void)read_all(bytes, {}, part); });
      }
    };
    refuses(utf16(u"a", is_big_endian) + "b", "half a character at byte 5");
    const std::u16string high(1, u'\xd83d');
    const std::u16string low(1, u'\xde00');
    refuses(utf16(u"a" + high, is_big_endian), "half a character at byte 5");
    refuses(utf16(high + u"a", is_big_endian), "first half of a pair of surrogates alone at byte 3");
    refuses(utf16(low + u"a", is_big_endian), "second half of a pair of surrogates alone at byte 3");
    // A long one: pairs lie across the buffers.
    std::u16string many = u"a";
    for (int i = 0; i < 50000; ++i) many += u"\U0001f600";
    const auto found = read_all(utf16(many, is_big_endian), {}, 4096);
    REQUIRE(found.size() == 1);
    CHECK(found[0].size() == 2 + 50000 * 4);
  }
}

TEST_CASE("lines that are no text have a fault") {
  const auto found = read_all("good\ncaf\xe9\ngood\n\xc3\xbc\xff\n\xed\xa0\x80\n");
  REQUIRE(found.size() == 5);
  CHECK(found[1].starts_with("2: expected UTF-8, found the byte 0xE9 at 4 of the line"));
  CHECK(found[1].find("iconv -f WINDOWS-1252 -t UTF-8") != std::string::npos);
  CHECK(found[2] == "|good");
  CHECK(found[3].starts_with("4: expected UTF-8, found the byte 0xFF at 3"));
  CHECK(found[4].starts_with("5: expected UTF-8, found the byte 0xED at 1"));
  const std::string long_text(64 * 1024, 'a');
  const auto later = read_all(long_text + "\nb\0c\nd\n"s, {}, 1000000);
  CHECK(later == Texts{"|" + long_text, "2: expected text, found a NUL byte at 2 of the line", "|d"});
  expect_refusal("binary data (byte 3 is NUL)", [] { (void)read_all("a\n\0b"s, {}, 100); });
  expect_refusal("iconv -f UTF-16LE", [] { (void)read_all("a\0b\0\n\0"s, {}, 9); });
  expect_refusal("iconv -f UTF-16BE", [] { (void)read_all("\0a\0b\0\n"s, {}, 9); });
}

TEST_CASE("a line has a limit") {
  const std::string longest(line_bytes_max, 'a');
  for (const std::size_t more : {0, 1}) {
    MemorySource source("b\n" + longest + std::string(more, 'a') + "\nc\n", 1 << 20);
    LineReader lines(source, "input");
    std::string line;
    CHECK(lines.read_line(line) == LineReader::Status::line);
    CHECK(lines.read_line(line) == (more == 0 ? LineReader::Status::line : LineReader::Status::too_long));
    CHECK(line.size() == (more == 0 ? line_bytes_max : 0));
    CHECK(lines.read_line(line) == LineReader::Status::line);
    CHECK(line == "c");
    CHECK(lines.lines_read() == 3);
    CHECK(lines.read_line(line) == LineReader::Status::end);
  }
}

TEST_CASE("a line that does not end is refused without reading on") {
  MemorySource source(std::string(line_bytes_max + (1 << 20), 'a'), 1 << 16);
  LineReader lines(source, "input");
  std::string line;
  CHECK(lines.read_line(line) == LineReader::Status::too_long);
  CHECK(source.bytes_read() < line_bytes_max + (1 << 19));
}

TEST_CASE("CSV as RFC 4180 has it") {
  const auto csv = of_format("csv");
  const Texts expected = {"\"1\"|one", "\"2\"|with, comma", "\"3\"|\"quoted\" word", "\"4\"|two\nlines",
                          "\"5\"|",    "\"6\"|5\" nail"};
  const auto text =
      "id,text\n1,one\n2,\"with, comma\"\n3,\"\"\"quoted\"\" word\"\n\"4\",\"two\nlines\"\n5,\"\"\n6,5\" nail"s;
  CHECK(read_all(text, csv) == expected);
  CHECK(read_all(text + "\n", csv) == expected);
  CHECK(read_all("\xef\xbb\xbf" + text + "\n", csv) == expected);
  CHECK(read_all("id,text\r\n1,one\r\n2,\"two\r\nlines\"\r\n3,\r\n", csv) ==
        Texts{"\"1\"|one", "\"2\"|two\r\nlines", "\"3\"|"});
  CHECK(read_all("id\ttext\n7\ta, \"b\"\n8\t\"c\td\"\n", of_format("tsv")) == Texts{"\"7\"|a, \"b\"", "\"8\"|c\td"});
  CHECK(read_all("words\none\n\n\"\"\n", csv) == Texts{"|one", "|", "|"});
  CHECK(read_all("", csv).empty());
  CHECK(read_all("id,text\n", csv).empty());
}

TEST_CASE("the column of CSV") {
  const auto read = [](const std::string& text, const std::string& column, bool no_header = false) {
    InputOptions options = of_format("csv");
    options.column = column;
    options.no_header = no_header;
    return read_all(text, options);
  };
  const auto text = "id,title,body,3\n1,t,b,x\n"s;
  CHECK(read(text, "body") == Texts{"\"1\"|b"});
  CHECK(read(text, "2") == Texts{"\"1\"|t"});
  CHECK(read(text, "3") == Texts{"\"1\"|x"});  // a name comes first
  CHECK(read(text, "id") == Texts{"\"1\"|1"});
  CHECK(read("a,b\nc,d\n", "2", true) == Texts{"|b", "|d"});
  CHECK(read("a\nb\n", "", true) == Texts{"|a", "|b"});
  const auto refuses = [&](const std::string& input, const std::string& column, const char* message,
                           bool no_header = false) {
    expect_refusal(message, [&] { (void)read(input, column, no_header); });
  };
  refuses(text, "", "which column has the texts? Name it with --column; there are 'id', 'title', 'body', '3'");
  for (const char* column : {"0", "5", "-1", "Body", "99999999999999999999", "1 "}) {
    refuses(text, column, "there is no column");
  }
  refuses("a,b\nc,d\n", "", "there are 2, numbered from 1", true);
  refuses("a,b\nc,d\n", "a", "there is no column 'a'", true);
  refuses("text,text\n", "text", "the column 'text' is there twice");
  refuses("id;text\n1;a\n", "", "--delimiter ';'");
  refuses("id\ttext\n1\ta\n", "", "--delimiter '\\t'");
  refuses("\"a\"b,c\n", "c", "line 1: expected the end of the field");
}

TEST_CASE("blank lines of CSV") {
  const auto csv = of_format("csv");
  const Texts expected = {"\"1\"|one", "\"2\"|two"};
  CHECK(read_all("\n\r\nid,text\n\n1,one\r\n\r\n\n2,two\n\n", csv) == expected);
  CHECK(read_all("id,text\n1,one\n\"\"\n", csv)[1] == "3: expected 2 fields, as in the first line, found 1");
  InputOptions options = csv;
  options.no_header = true;
  CHECK(read_all("\na\n\n", options) == Texts{"|", "|a", "|"});
}

TEST_CASE("records of CSV that are bad, and where the next one begins") {
  const auto csv = of_format("csv");
  const auto found = read_all("id,text\n1,a,b\n2\n\n\"3\"x,c\n4,caf\xe9\n5,\"d\nd\" e\n6,f\n", csv);
  REQUIRE(found.size() == 6);
  CHECK(found[0] == "2: expected 2 fields, as in the first line, found 3");
  CHECK(found[1] == "3: expected 2 fields, as in the first line, found 1");
  CHECK(found[2] == "5: expected the end of the field after its closing quote, found more at byte 4 of line 5");
  CHECK(found[3].starts_with("6: expected UTF-8"));
  CHECK(found[4] == "7: expected the end of the field after its closing quote, found more at byte 3 of line 8");
  CHECK(found[5] == "\"6\"|f");
  expect_refusal("input, line 3: a quoted field begins in this record and does not end",
                 [&] { (void)read_all("id,text\n1,a\n2,\"b\n3,c\n", csv, 100); });
  const std::string half(line_bytes_max / 2, 'a');
  expect_refusal("input, line 2: expected a record of at most 67108864 bytes",
                 [&] { (void)read_all("text\n\"" + half + "\n" + half + "\"\n", csv, 1 << 20); });
  CHECK(read_all("text\n\"" + half + "\n" + half.substr(3) + "\"\n", csv, 1 << 20).size() == 1);
}

TEST_CASE("fields of CSV have a limit") {
  const std::string commas(csv_fields_max - 1, ',');
  InputOptions options = of_format("csv");
  options.column = "16384";
  CHECK(read_all(commas + "text\n" + commas + "a\n", options) == Texts{"|a"});
  expect_refusal("input, line 1: expected at most 16384 fields, found more",
                 [&] { (void)read_all(commas + ",text\n", options, 1000); });
  expect_refusal("input, line 2: expected at most 16384 fields, found more",
                 [&] { (void)read_all(commas + "text\n" + commas + ",a\n", options, 1000); });
}

TEST_CASE("the delimiter of CSV") {
  const auto with = [](const std::string& delimiter) {
    InputOptions options = of_format("csv");
    options.delimiter = delimiter;
    return options;
  };
  CHECK(read_all("id;text\n1;a, b\n", with(";")) == Texts{"\"1\"|a, b"});
  CHECK(read_all("id\ttext\n1\ta, b\n", with("\\t")) == Texts{"\"1\"|a, b"});
  for (const char* bad : {"\"", "\n", "\r", "::", "ü", "\xff"}) {
    expect_refusal("--delimiter should be one ASCII character", [&] { (void)read_all("a\n", with(bad), 100); });
  }
  for (const char* format : {"", "lines", "jsonl"}) {
    InputOptions options = with(";");
    options.format = format;
    expect_refusal("--delimiter is for CSV and TSV", [&] { (void)read_all("a\n", options, 100); });
  }
}

TEST_CASE("JSON lines that are bad") {
  const auto found = read_all(
      "\n{\"text\": \"a\", \"id\": 1}\n   \n{\"text\": 5, \"id\": \"x\"}\n{\"text\": \"\xe9\"}\n{\"text\": \"b\"}\n",
      of_format("jsonl"));
  REQUIRE(found.size() == 6);
  CHECK(found[0].ends_with("found a blank line"));
  CHECK(found[1] == "1|a");
  CHECK(found[2].ends_with("found a blank line"));
  CHECK(found[3].ends_with("found \"text\" of type number"));
  CHECK(found[4].find("iconv -f WINDOWS-1252") != std::string::npos);
  CHECK(found[5] == "|b");
}

TEST_CASE("the id of a record without a text is kept") {
  MemorySource source("{\"text\": [1], \"id\": \"x\"}\n{\"id\": 7}\n{\"id\": [], \"text\": \"a\"}\n", 100);
  TextInput input(source, "input", of_format("jsonl"));
  Record record;
  for (const char* id : {"\"x\"", "7", ""}) {
    REQUIRE(input.next(record));
    CHECK_FALSE(record.fault.empty());
    CHECK(record.id == id);
  }
}

TEST_CASE("pairs in JSON lines") {
  InputOptions options = of_format("jsonl");
  options.pairs = true;
  MemorySource source(
      "{\"text\": \"b\", \"query\": \"a\", \"id\": 1.50}\n{\"id\": 7, \"query\": \"a\"}\n"
      "{\"query\": \"\", \"text\": \"c\"}\n{\"pos\": [\"d\"], \"query\": \"a\", \"text\": \"b\"}\n",
      100);
  TextInput input(source, "input", options);
  Record record;
  REQUIRE(input.next(record));
  CHECK(record.id + "|" + record.query + "|" + record.text == "1.50|a|b");
  REQUIRE(input.next(record));
  CHECK(record.id == "7");
  CHECK(record.fault ==
        R"(expected a JSON object with strings "query" and "text", and no other key but "id", found no "text")");
  REQUIRE(input.next(record));
  CHECK(record.id + "|" + record.query + "|" + record.text == "||c");
  REQUIRE(input.next(record));
  CHECK(record.fault.ends_with("found the key 'pos'"));
  CHECK_FALSE(input.next(record));
}

TEST_CASE("JSON of another form is refused") {
  for (const char* text : {"[\n", " [{\"text\": \"a\"}]\n", "\n\n[1]\n"}) {
    expect_refusal("found a JSON array; make lines of it: jq -c '.[]' FILE",
                   [&] { (void)read_all(text, of_format("jsonl"), 100); });
  }
  expect_refusal("jq -c . FILE", [] { (void)read_all("{\n\"text\": \"a\"}\n", of_format("jsonl"), 100); });
  const std::vector<Refused> refused = {
      {"{\"text\": \"a\"}\n", "say --input-format jsonl"},
      {"{\"text\": \"half of a pair: \\ud83d\"}\n", "say --input-format jsonl"},
      {"{\n", "found a JSON document"},
      {"[\n", "found a JSON document"},
      {"[\"a\", \"b\"]\n", "found a JSON document"},
      {"[{\"text\": \"a\"},\n", "found a JSON document"},
  };
  for (const Refused& input : refused) {
    expect_refusal(input.message, [&] { (void)read_all(input.bytes, {}, 100); });
    CHECK(read_all(input.bytes, of_format("lines")).size() == 1);
  }
  for (const char* text :
       {"[1] a note\n", "{braces}\n", "[in brackets]\n", "a\n{\"text\": 1}\n", "[1]\n", "[\"a\" to b]\n"}) {
    CHECK_NOTHROW((void)read_all(text));
  }
}

TEST_CASE("kinds by their first bytes") {
  const std::vector<Refused> refused = {
      {"\xfd"
       "7zXZ\0"s,
       "xz -dc"},
      {"BZh91AY&SY", "bzip2 -dc"},
      {"PK\3\4", "zip archive"},
      {"PAR1\x15\4", "Parquet"},
      {"ARROW1\0\0"s, "pandas.read_feather"},
      {"Obj\1", "Avro"},
      {"\x93NUMPY\1", "NumPy"},
      {"%PDF-1.4", "pdftotext"},
      {"SQLite format 3\0"s, "sqlite3"},
      {"\xff\xfe\0\0a\0\0\0"s, "iconv -f UTF-32"},
      {"\0\0\xfe\xff\0\0\0a"s, "iconv -f UTF-32"},
      {"\x80\4\x95", "pickle"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
  };
  for (const Refused& input : refused) {
    for (const std::size_t part : {1, 3, 100}) {
      expect_refusal(input.message, [&] { (void)read_all(input.bytes, {}, part); });
    }
  }
  // Texts that begin alike.
  for (const char* text :
       {"P", "PAR1", "PAR1 ", "BZh", "BZh91 is", "PK", "Rar!", "%PD", "version 2", "Obj", "SQLite format 3 "}) {
    CHECK(read_all(text) == Texts{"|"s + text});
  }
  std::string tar(512, '\0');
  tar.replace(0, 5, "a.txt").replace(257, 5, "ustar");
  expect_refusal("a tar archive", [&] { (void)read_all(tar, {}, 1000); });
}

TEST_CASE("no more bytes are waited for than it takes to know the kind") {
  MemorySource source("a\nb\n", 2);
  TextInput input(source, "input", {});
  CHECK(source.bytes_read() == 2);
  Record record;
  CHECK(input.next(record));
  CHECK(source.bytes_read() == 2);
}
