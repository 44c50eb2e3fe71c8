// Any bytes as a file of torch.save before torch 1.6.

#include <cstdint>
#include <span>

#include "checkpoint/torch_legacy.h"
#include "fuzz/check_records.h"
#include "fuzz/ignore_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  return bgem3::fuzz::ignore_errors([&] { bgem3::fuzz::check_records(bgem3::read_torch_legacy(file), size); });
}
