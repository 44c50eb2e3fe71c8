#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/utf8.h"

namespace bgem3 {

/// The characters that byte-level vocabularies write for bytes: printable ones of Latin-1 for themselves, those from
/// U+0100 on for the others in turn. A space is "Ġ". Source: tokenizers, ByteLevel.
class ByteAlphabet {
 public:
  ByteAlphabet() noexcept {
    std::uint32_t other = 0x100;
    for (std::uint32_t byte = 0; byte < characters_.size(); ++byte) {
      const bool is_printable =
          (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
      characters_[byte] = is_printable ? byte : other++;
    }
    for (std::uint32_t byte = 0; byte < characters_.size(); ++byte) {
      bytes_[characters_[byte]] = static_cast<std::int16_t>(byte);
    }
  }

  /// What stands for a byte.
  [[nodiscard]] std::string character(unsigned char byte) const {
    std::array<char, 4> bytes{};
    return {bytes.data(), utf8::encode(characters_[byte], bytes.data())};
  }

  /// The bytes for which `piece`, valid UTF-8, stands; nothing when one of its characters is not of the alphabet.
  [[nodiscard]] std::optional<std::string> bytes(std::string_view piece) const {
    std::string found;
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t size = utf8::length(static_cast<unsigned char>(piece[at]));
      const std::uint32_t code = utf8::decode(piece.data() + at, size);
      if (code >= bytes_.size() || bytes_[code] < 0) return std::nullopt;
      found += static_cast<char>(bytes_[code]);
      at += size;
    }
    return found;
  }

 private:
  std::array<std::uint32_t, 256> characters_{};
  std::array<std::int16_t, 0x144> bytes_ = none();  // by code point

  static constexpr std::array<std::int16_t, 0x144> none() {
    std::array<std::int16_t, 0x144> bytes{};
    bytes.fill(-1);
    return bytes;
  }
};

}  // namespace bgem3
