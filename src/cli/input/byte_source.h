#pragma once

#include <cstddef>

namespace bgem3::cli {

/// Bytes, one after the other: of a file, or what another source says after decompression or decoding.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Writes up to `size` bytes, at least 4, to `out`, as soon as there are some.
  /// @return how many; 0 at the end, or when a signal came (see Interrupt)
  /// @throws Error io_error when the bytes cannot be read, or are damaged
  virtual std::size_t read(char* out, std::size_t size) = 0;
};

}  // namespace bgem3::cli
