#pragma once

#include <string>

namespace bgem3::test {

/// A JSON value nested so deeply that a recursive walk through it would take the stack.
inline std::string deep_json() {
  constexpr std::size_t depth = 500'000;
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace bgem3::test
