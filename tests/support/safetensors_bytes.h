#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bgem3::test {

/// The bytes of a safetensors file with this header and this many bytes of tensors (0, 1, 2, …).
inline std::string safetensors_bytes(const std::string& header, std::size_t data_bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i & 0xff);
  return file;
}

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace bgem3::test
