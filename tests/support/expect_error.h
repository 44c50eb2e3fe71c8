#pragma once

#include <string>

#include <doctest/doctest.h>

#include "bgem3/error.h"

namespace bgem3::test {

/// Runs `work`, which must throw Error `code`, and returns its message for further checks.
template <typename Work>
std::string expect_error(ErrorCode code, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(to_string(error.code()) == to_string(code));
    return error.what();
  }
  FAIL("expected Error " << to_string(code) << ", nothing was thrown");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace bgem3::test
