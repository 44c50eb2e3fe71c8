#include <doctest/doctest.h>

#include "bgem3/error.h"

using namespace bgem3;

TEST_CASE("an error carries its code and its message") {
  const Error error(ErrorCode::bad_model, "config.json is missing");
  CHECK(error.code() == ErrorCode::bad_model);
  CHECK(std::string(error.what()) == "config.json is missing");
  CHECK(to_string(error.code()) == "bad_model");
}
