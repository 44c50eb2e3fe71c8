#include "cli/input/utf16_source.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/interrupt.h"
#include "text/utf8.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t utf8_max = 4;  // bytes of a character

constexpr bool is_high_surrogate(std::uint32_t unit) { return (unit & 0xfc00U) == 0xd800U; }
constexpr bool is_low_surrogate(std::uint32_t unit) { return (unit & 0xfc00U) == 0xdc00U; }

}  // namespace

Utf16Source::Utf16Source(ByteSource& source, std::string name, bool is_big_endian)
    : source_(source), name_(std::move(name)), is_big_endian_(is_big_endian) {}

std::uint32_t Utf16Source::unit(std::size_t at) const noexcept {
  const auto first = static_cast<unsigned char>(buffer_[at]);
  const auto second = static_cast<unsigned char>(buffer_[at + 1]);
  return is_big_endian_ ? std::uint32_t{first} << 8U | second : std::uint32_t{second} << 8U | first;
}

void Utf16Source::refuse(const char* found) const {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}: expected UTF-16, found {} at byte {}", name_, found, bytes_before_ + begin_ + 1));
}

// More bytes behind those that wait for the rest of their character; false at the end, or when a signal came.
bool Utf16Source::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, unread());
  bytes_before_ += begin_;
  end_ -= begin_;
  begin_ = 0;
  const std::size_t count = source_.read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += count;
  if (count == 0 && unread() != 0 && Interrupt::signal() == 0) refuse("half a character");
  return count != 0;
}

// Writes what is whole, as far as there is room.
std::size_t Utf16Source::decode(char* out, std::size_t size) {
  std::size_t done = 0;
  while (unread() >= 2 && size - done >= utf8_max) {
    std::uint32_t code_point = unit(begin_);
    std::size_t bytes = 2;
    if (is_low_surrogate(code_point)) refuse("the second half of a pair of surrogates alone");
    if (is_high_surrogate(code_point)) {
      if (unread() < 4) break;
      const std::uint32_t low = unit(begin_ + 2);
      if (!is_low_surrogate(low)) refuse("the first half of a pair of surrogates alone");
      code_point = 0x10000U + ((code_point & 0x3ffU) << 10U) + (low & 0x3ffU);
      bytes = 4;
    }
    begin_ += bytes;
    done += utf8::encode(code_point, out + done);
  }
  return done;
}

std::size_t Utf16Source::read(char* out, std::size_t size) {
  while (true) {
    const std::size_t count = decode(out, size);
    if (count != 0 || !fill()) return count;
  }
}

}  // namespace bgem3::cli
