#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "cli/input/byte_source.h"

namespace bgem3::test {

/// Hands out `bytes`, at most `part` at a time.
class MemorySource : public cli::ByteSource {
 public:
  MemorySource(std::string bytes, std::size_t part) : bytes_(std::move(bytes)), part_(part) {}

  std::size_t read(char* out, std::size_t size) override {
    const std::size_t count = bytes_.copy(out, std::min(size, part_), at_);
    at_ += count;
    return count;
  }

  [[nodiscard]] std::size_t bytes_read() const noexcept { return at_; }

 private:
  std::string bytes_;
  std::size_t part_;
  std::size_t at_ = 0;
};

}  // namespace bgem3::test
