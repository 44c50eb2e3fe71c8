// Any bytes as the pickle of a state dict.

#include <cstdint>
#include <span>

#include "checkpoint/pickle.h"
#include "fuzz/ignore_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bgem3::fuzz::ignore_errors([&] { (void)bgem3::read_state_dict(std::as_bytes(std::span(data, size))); });
}
