#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "cli/input/byte_source.h"

namespace bgem3::cli {

/// UTF-16 as UTF-8.
class Utf16Source : public ByteSource {
 public:
  /// @param source  what follows the byte order mark
  /// @param name    of the input, for messages
  Utf16Source(ByteSource& source, std::string name, bool is_big_endian);

  /// @throws Error invalid_argument for half a pair of surrogates, or half a unit at the end
  std::size_t read(char* out, std::size_t size) override;

 private:
  [[nodiscard]] std::size_t unread() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::uint32_t unit(std::size_t at) const noexcept;
  bool fill();
  std::size_t decode(char* out, std::size_t size);
  [[noreturn]] void refuse(const char* found) const;

  ByteSource& source_;
  std::string name_;
  bool is_big_endian_;
  std::uint64_t bytes_before_ = 2;  // of the input before the buffer; at first, the mark
  std::array<char, 32768> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace bgem3::cli
