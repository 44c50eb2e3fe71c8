// Asks LibTorch about CUDA before its CUDA half is there, as a program might, and prints what bgem3 says of it then.
#include <cstdio>

#include <ATen/Context.h>

#include "bgem3/cuda.h"
#include "bgem3/error.h"

int main() {
  std::printf("LibTorch has CUDA: %d\n", at::hasCUDA());
  try {
    std::printf("GPUs: %zu\n", bgem3::cuda_devices().size());
  } catch (const bgem3::Error& error) {
    std::puts(error.what());
  }
  return 0;
}
