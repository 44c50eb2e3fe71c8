#include <doctest/doctest.h>

#include "checkpoint/safetensors.h"
#include "support/deep_json.h"
#include "support/expect_error.h"
#include "support/safetensors_bytes.h"

using namespace bgem3;
using test::contains;

namespace {

std::vector<TensorRecord> read(const std::string& header, std::size_t data_bytes) {
  const std::string file = test::safetensors_bytes(header, data_bytes);
  return read_safetensors(test::as_bytes(file));
}

std::string bad(const std::string& header, std::size_t data_bytes = 24) {
  return test::expect_error(ErrorCode::bad_model, [&] { read(header, data_bytes); });
}

std::string bad_file(const std::string& file) {
  return test::expect_error(ErrorCode::bad_model, [&] { read_safetensors(test::as_bytes(file)); });
}

}  // namespace

TEST_CASE("names, types, shapes and offsets are read") {
  const std::string header = R"({"__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [16, 24]},
    "empty": {"dtype": "F16", "shape": [0, 7], "data_offsets": [24, 24]}})";
  const auto records = read(header, 24);
  REQUIRE(records.size() == 3);
  CHECK(records[0].name == "a");
  CHECK(records[0].shape == std::vector<std::int64_t>{2, 2});
  CHECK(records[0].offset == 8 + header.size());
  CHECK(records[1].type == ElementType::bf16);
  CHECK(records[1].offset == 8 + header.size() + 16);
  CHECK(records[2].shape == std::vector<std::int64_t>{0, 7});
}

TEST_CASE("a truncated file is refused wherever it ends") {
  const std::string whole =
      test::safetensors_bytes(R"({"a": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}})", 24);
  CHECK_NOTHROW(read_safetensors(test::as_bytes(whole)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    bad_file(whole.substr(0, size));
  }
}

TEST_CASE("a header that lies about its length is refused") {
  std::string file = test::safetensors_bytes("{}", 0);
  file[3] = 1;  // 16 MB
  CHECK(contains(bad_file(file), "the header claims"));
  file.replace(0, 8, 8, '\xff');
  CHECK(contains(bad_file(file), "the header claims"));
}

TEST_CASE("offsets that do not describe the file are refused, naming the tensor") {
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}})"), "cut off"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [6], "data_offsets": [24, 0]}})"), "'a'"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 24]}})"), "needs 20 bytes"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}})"), "something appended"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
                         "b": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}})"),
                 "overlaps"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                         "b": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]}})"),
                 "leaves a gap"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [6], "data_offsets": [0, 18446744073709551615]}})"), "'a'"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 24]}})"), "'a'"));
}

TEST_CASE("malformed entries are refused") {
  CHECK(contains(bad("[]"), "not a JSON object"));
  CHECK(contains(bad("{\"a\": "), "the header is not valid JSON"));
  CHECK(contains(bad(R"({"a": 7})"), "'a' should be an object"));
  CHECK(contains(bad(R"({"a": {"shape": [6], "data_offsets": [0, 24]}})"), "has no dtype"));
  CHECK(contains(bad(R"({"a": {"dtype": "F8_E4M3", "shape": [24], "data_offsets": [0, 24]}})"), "F8_E4M3"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [-6], "data_offsets": [0, 24]}})"), "whole numbers"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [6.5], "data_offsets": [0, 24]}})"), "whole numbers"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [6], "data_offsets": [24]}})"), "'a'"));
  CHECK(contains(bad(R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
                         "a": {"dtype": "F32", "shape": [3], "data_offsets": [12, 24]}})"),
                 "occurs twice"));
  CHECK(contains(bad("{\"a\": {\"dtype\": " + test::deep_json() + "}}"), "the header is nested deeper than 64"));
}

TEST_CASE("sizes that no file can have are refused in any order") {
  for (const char* shape : {"[4611686018427387904,4]", "[4611686018427387904,4,0]", "[0,4611686018427387904,4]",
                            "[9223372036854775808]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"}) {
    CAPTURE(shape);
    const std::string header =
        std::string(R"({"a": {"dtype": "F32", "shape": )") + shape + R"(, "data_offsets": [0, 0]}})";
    CHECK(contains(bad(header), "tensor 'a'"));
  }
}

TEST_CASE("a shape has as many numbers as it may have") {
  const std::string most = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]";
  const std::string header = R"({"a": {"dtype": "F32", "shape": )" + most + R"(, "data_offsets": [0, 4]}})";
  CHECK(read_safetensors(test::as_bytes(test::safetensors_bytes(header, 4))).size() == 1);
}
