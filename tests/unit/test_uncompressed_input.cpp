// The command built without zlib and libzstd.

#include <doctest/doctest.h>

#include "cli/input/text_input.h"
#include "support/expect_error.h"
#include "support/memory_source.h"

TEST_CASE("compressed input is refused by name") {
  for (const auto& [bytes, command] : {std::pair{"\x1f\x8b\x08", "gzip -dc"}, {"\x28\xb5\x2f\xfd", "zstd -dc"}}) {
    bgem3::test::MemorySource source(bytes, 100);
    const auto message = bgem3::test::expect_error(bgem3::ErrorCode::invalid_argument,
                                                   [&source = source] { bgem3::cli::TextInput(source, "in.gz", {}); });
    CHECK(bgem3::test::contains(message, "in.gz: expected text, found"));
    CHECK(bgem3::test::contains(message, "which this bgem3 was built without"));
    CHECK(bgem3::test::contains(message, command));
  }
}

TEST_CASE("what is not compressed is read as ever") {
  bgem3::test::MemorySource source("a\n", 100);
  bgem3::cli::TextInput input(source, "in", {});
  bgem3::cli::Record record;
  CHECK(input.next(record));
  CHECK(record.text == "a");
}
