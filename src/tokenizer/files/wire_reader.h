#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bgem3::detail {

/// Goes through the fields of a serialised protobuf message. The bytes come from a file, so every step is checked.
class WireReader {
 public:
  enum class Type : std::uint8_t { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

  struct Field {
    std::uint64_t number;
    Type type;
    std::uint64_t value;       ///< of a varint
    std::string_view content;  ///< of the other types: their bytes

    [[nodiscard]] bool is(std::uint64_t wanted, Type of) const noexcept { return number == wanted && type == of; }
  };

  explicit WireReader(std::string_view message) noexcept : rest_(message) {}

  /// The next field; nothing at the end of the message or where it is damaged.
  std::optional<Field> next() noexcept {
    if (rest_.empty()) return std::nullopt;
    const auto tag = varint();
    auto field = tag ? read(*tag) : std::nullopt;
    is_damaged_ = !field;
    if (is_damaged_) rest_ = {};
    return field;
  }

  /// Whether the message ended in the middle of a field or has bytes that are none.
  [[nodiscard]] bool is_damaged() const noexcept { return is_damaged_; }

 private:
  std::optional<Field> read(std::uint64_t tag) noexcept {
    Field field{tag >> 3, static_cast<Type>(tag & 7), 0, {}};
    std::optional<std::uint64_t> size;
    switch (field.type) {
      case Type::varint: {
        const auto value = varint();
        if (!value) return std::nullopt;
        field.value = *value;
        return field;
      }
      case Type::fixed64: size = 8; break;
      case Type::delimited: size = varint(); break;
      case Type::fixed32: size = 4; break;
      default: return std::nullopt;
    }
    if (!size || *size > rest_.size()) return std::nullopt;
    field.content = rest_.substr(0, static_cast<std::size_t>(*size));
    rest_.remove_prefix(field.content.size());
    return field;
  }

  std::optional<std::uint64_t> varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::string_view rest_;
  bool is_damaged_ = false;
};

}  // namespace bgem3::detail
