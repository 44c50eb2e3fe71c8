#include <doctest/doctest.h>

#include "bgem3/dtype.h"
#include "support/expect_error.h"

using namespace bgem3;

TEST_CASE("dtypes have a name each, and the short ones that people use") {
  for (const auto dtype : {Dtype::automatic, Dtype::float32, Dtype::float16, Dtype::bfloat16, Dtype::int8,
                           Dtype::float8, Dtype::float8_fast}) {
    CHECK(parse_dtype(to_string(dtype)) == dtype);
  }
  CHECK(parse_dtype("bf16") == Dtype::bfloat16);
  CHECK(parse_dtype("fp32") == Dtype::float32);
  CHECK(parse_dtype("fp8") == Dtype::float8);
  const auto message = test::expect_error(ErrorCode::invalid_argument, [] { (void)parse_dtype("int3"); });
  CHECK(message == "dtype should be one of auto, float32, float16, bfloat16, int8, float8, float8_fast, found 'int3'");
}
