#pragma once

#include <utility>

#include "bgem3/error.h"

namespace bgem3::fuzz {

/// Bad input must end in Error and in nothing else: no crash, no other exception.
template <typename Work>
int ignore_errors(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace bgem3::fuzz
