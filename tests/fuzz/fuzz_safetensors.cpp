// Any bytes as a safetensors file: every record that is accepted must lie inside the file.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "checkpoint/safetensors.h"
#include "fuzz/ignore_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bgem3::fuzz::ignore_errors([&] {
    for (const auto& record : bgem3::read_safetensors(std::as_bytes(std::span(data, size)))) {
      const auto bytes = bgem3::count_bytes(record.type, record.shape);
      if (!bytes || record.offset > size || *bytes > size - record.offset) std::abort();
    }
  });
}
