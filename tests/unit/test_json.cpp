#include <algorithm>
#include <functional>
#include <limits>
#include <span>
#include <string>

#include <doctest/doctest.h>

#include "checkpoint/safetensors.h"
#include "file/json.h"
#include "support/cost.h"
#include "support/deep_json.h"
#include "support/expect_error.h"
#include "support/json_shapes.h"
#include "tokenizer/files/tokenizer_json.h"

using namespace bgem3;
using test::cost_of;
using test::members;
using test::nested;
using test::repeated;

namespace {

constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

std::string fault_of(const std::string& text, std::size_t values_max = any_number) {
  return parse_json(text, values_max).fault;
}

// Eight times the text may take 2.5 times as long for each doubling; what is quadratic takes 64 times as long, also at
// the best of several tries, of which a busy machine may spoil some.
void check_linear(const std::function<void(std::size_t bytes)>& prepare, const std::function<void()>& work) {
  constexpr std::size_t bytes = 128 * 1024;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 4 && least > 2.5 * 2.5 * 2.5; ++i) {
    prepare(bytes);
    const double small = cost_of(work, 3);
    prepare(8 * bytes);
    least = std::min(least, cost_of(work, 3) / small);
  }
  CHECK(least < 2.5 * 2.5 * 2.5);
}

std::string safetensors_of(const std::string& header) {
  std::string file(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return file + header;
}

}  // namespace

TEST_CASE("what JSON says is what nlohmann's parser says of it") {
  for (const std::string text :
       {"null", "true", "-5", "18446744073709551615", "0.25", "1e3", "\"a \\u00e9\\ud83d\\ude00\"", "[]", "{}",
        "[1,[2,{\"a\":[{}]}],\"b\"]", "{\"a\":1,\"a\":[2],\"b\":{\"a\":null}}"}) {
    CAPTURE(text);
    CHECK(fault_of(text).empty());
    CHECK(parse_json(text).value == nlohmann::json::parse(text));
  }
}

TEST_CASE("what is no JSON is told, and leaves nothing behind") {
  for (const std::string text : {"", "{", "[1,]", "{\"a\"}", "[1] x", "'a'", "[NaN]", "\"\xff\"", "\"\\ud83d\""}) {
    CAPTURE(text);
    const auto document = parse_json(text);
    CHECK(document.fault == "is not valid JSON");
    CHECK(document.value.is_null());
    CHECK(!document.has_too_many_values);
  }
}

TEST_CASE("a number that is too large is told") {
  CHECK(parse_json("1.7976931348623157e308").value == 1.7976931348623157e308);
  CHECK(fault_of("{\"a\": 1e400}") == "has a number beyond the range of float64, 1e400");
  CHECK(fault_of("[-1.8e308]") == "has a number beyond the range of float64, -1.8e308");
  CHECK(fault_of("1e-400").empty());  // zero
  const std::string digits(1 << 20, '9');
  CHECK(fault_of(digits).size() < 1000);
  CHECK(fault_of("12345678901234567890123").empty());
}

TEST_CASE("depth has a limit") {
  CHECK(fault_of(nested(json_depth_max)).empty());
  CHECK(fault_of(nested(json_depth_max + 1)) == "is nested deeper than 64");
  CHECK(fault_of(test::deep_json()) == "is nested deeper than 64");
}

TEST_CASE("the number of values has a limit, which counts all levels") {
  CHECK(fault_of("[1,{\"a\":2}]", 4).empty());
  const auto document = parse_json("[1,{\"a\":2}]", 3);
  CHECK(document.fault == "has more than 3 values");
  CHECK(document.has_too_many_values);
  CHECK(fault_of("{\"a\":1,\"a\":1,\"a\":1}", 3) == "has more than 3 values");  // also those that others replace
}

TEST_CASE("parsing takes time that grows with the length of the text") {
  for (const auto& shape : test::json_shapes()) {
    CAPTURE(shape.first);
    std::string text;
    check_linear([&](std::size_t bytes) { text = shape.second(bytes); },
                 [&] { CHECK(parse_json(text, any_number).fault.empty()); });
  }
}

TEST_CASE("a header of many tensors and a vocabulary of many pieces take time that grows with their length") {
  const std::string tensor = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  std::string file;
  check_linear([&](std::size_t bytes) { file = safetensors_of("{" + members("tensor", tensor, bytes) + "}"); },
               [&] { CHECK(!read_safetensors(std::as_bytes(std::span(file))).empty()); });

  std::string vocabulary;
  check_linear(
      [&](std::size_t bytes) { vocabulary = R"({"model":{"vocab":[)" + repeated("[\"a\",-1.5]", bytes) + "]}}"; },
      [&] { CHECK(!read_tokenizer_json(vocabulary).vocabulary.scores.empty()); });
  const auto numbered = [](std::size_t bytes) {
    std::string entries;
    for (std::size_t id = 0; entries.size() < bytes; ++id) {
      entries += (id == 0 ? "\"" : ",\"") + std::to_string(id) + "\":" + std::to_string(id);
    }
    return R"({"model":{"type":"WordPiece","vocab":{)" + entries + "}}}";
  };
  check_linear([&](std::size_t bytes) { vocabulary = numbered(bytes); },
               [&] { CHECK(read_tokenizer_json(vocabulary).vocabulary.pieces.size() > 0); });
}
