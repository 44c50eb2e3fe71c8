#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bgem3::detail {

/// Finds a length-delimited field in a serialised protobuf message; the last one wins, as protobuf has it. Nothing when
/// the field is absent or the bytes are no message. sentencepiece keeps its normalisation rules to itself, so they are
/// taken from the file this way.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  std::optional<std::string_view> find(std::uint64_t wanted) {
    std::optional<std::string_view> found;
    while (!rest_.empty()) {
      const auto tag = varint();
      if (!tag) return std::nullopt;
      std::optional<std::string_view> content;
      switch (*tag & 7) {
        case 0: content = varint() ? std::optional<std::string_view>("") : std::nullopt; break;
        case 1: content = take(8); break;
        case 2: content = delimited(); break;
        case 5: content = take(4); break;
        default: return std::nullopt;
      }
      if (!content) return std::nullopt;
      if (*tag == (wanted << 3 | 2)) found = content;
    }
    return found;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> delimited() {
    const auto length = varint();
    return length ? take(*length) : std::nullopt;
  }

  std::optional<std::string_view> take(std::uint64_t count) {
    if (count > rest_.size()) return std::nullopt;
    const auto taken = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

}  // namespace bgem3::detail
