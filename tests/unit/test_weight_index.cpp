#include "checkpoint/weight_index.h"

#include <string>

#include <doctest/doctest.h>

#include "support/expect_error.h"

using namespace bgem3;
using test::contains;

namespace {

std::string bad(const std::string& text) {
  return test::expect_error(ErrorCode::bad_model, [&] { read_weight_index(text); });
}

std::string index_of(std::size_t shards) {
  std::string map;
  for (std::size_t i = 0; i < shards; ++i) {
    const std::string number = std::to_string(i);
    map += (i == 0 ? "\"" : ",\"") + number + "\":\"" + number + "\"";
  }
  return "{\"weight_map\":{" + map + "}}";
}

}  // namespace

TEST_CASE("an index says in which file a tensor is") {
  const auto files = read_weight_index(R"({"metadata": {}, "weight_map": {"a": "1", "b": "2", "c": "1"}})");
  CHECK(files == WeightMap{{"a", "1"}, {"b", "2"}, {"c", "1"}});
}

TEST_CASE("an index names so many files at most") {
  CHECK(read_weight_index(index_of(shards_max)).size() == shards_max);
  CHECK(contains(bad(index_of(shards_max + 1)), "names more than 10000 files"));
}

TEST_CASE("names of files are plain") {
  const std::string longest(255, 'x');
  CHECK(read_weight_index(R"({"weight_map": {"a": ")" + longest + "\"}}").size() == 1);
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("../a"),
                                  std::string("/etc/passwd"), std::string("a\\u0000"), longest + "x"}) {
    CHECK(contains(bad(R"({"weight_map": {"a": ")" + name + "\"}}"), "the name of a file beside the index"));
  }
}

TEST_CASE("what an index says is not repeated at any length") {
  const std::string huge(1 << 20, 'x');
  CHECK(bad(R"({"weight_map": {")" + huge + R"(": [")" + huge + "\"]}}").size() < 1000);
  CHECK(contains(bad("{\"weight_map\": {\"\\u001b[31m\\n\": 5}}"), "tensor '\\x1b[31m\\n': expected"));
}
