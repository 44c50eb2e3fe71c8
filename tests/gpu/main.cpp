#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "bgem3/cuda.h"
#include "bgem3/error.h"

// In pytest's words, which scripts/lib/summary.py reads.
int main(int argc, char** argv) {
  try {
    std::printf("on %s\n", bgem3::cuda_devices()[0].name.c_str());
  } catch (const bgem3::Error& error) {
    std::printf("SKIPPED [1] %s\n", error.what());
    return 0;
  }
  return doctest::Context(argc, argv).run();
}
