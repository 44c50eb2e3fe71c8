#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3::test {

/// Bytes of a protobuf message, written field by field.
class WireWriter {
 public:
  WireWriter& varint(std::uint64_t field, std::uint64_t value) {
    put(field << 3);
    put(value);
    return *this;
  }
  WireWriter& text(std::uint64_t field, std::string_view content) {
    put(field << 3 | 2);
    put(content.size());
    bytes_ += content;
    return *this;
  }
  WireWriter& number(std::uint64_t field, float value) {
    put(field << 3 | 5);
    bytes_.append(sizeof value, '\0');
    std::memcpy(bytes_.data() + bytes_.size() - sizeof value, &value, sizeof value);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  void put(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

/// Normalisation rules in sentencepiece's format. Each node of the trie has 256 units to itself: long, but easy to see
/// through.
inline std::string tiny_charsmap(const std::map<std::string, std::string>& rules) {
  constexpr std::uint32_t block = 256;
  std::vector<std::uint32_t> units(2 * block);
  std::map<std::string, std::uint32_t> unit_of = {{"", 0}};  // by prefix
  std::string replacements;
  const auto base_of = [&](std::uint32_t unit) { return unit ^ (units[unit] >> 10); };
  units[0] = block << 10;
  for (const auto& [key, replacement] : rules) {
    for (std::size_t size = 1; size <= key.size(); ++size) {
      const std::string prefix = key.substr(0, size);
      if (unit_of.contains(prefix)) continue;
      const auto label = static_cast<unsigned char>(prefix.back());
      const std::uint32_t unit = base_of(unit_of[prefix.substr(0, size - 1)]) ^ label;
      const auto base = static_cast<std::uint32_t>(units.size());
      units.resize(units.size() + block);
      units[unit] = (unit ^ base) << 10 | label;
      unit_of[prefix] = unit;
    }
    const std::uint32_t unit = unit_of[key];
    units[unit] |= 1U << 8;
    units[base_of(unit)] = 1U << 31 | static_cast<std::uint32_t>(replacements.size());
    replacements += replacement + '\0';
  }
  const auto size = static_cast<std::uint32_t>(units.size() * sizeof(std::uint32_t));
  std::string bytes(sizeof size + size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  std::memcpy(bytes.data() + sizeof size, units.data(), size);
  return bytes + replacements;
}

struct TinyPiece {
  std::string text;
  float score = 0;
  std::uint64_t type = 1;  // 1 ordinary, 2 unknown, 3 control
};

/// A sentencepiece model with XLM-R's layout and a few pieces; change it, then take its bytes.
struct TinyModel {
  std::vector<TinyPiece> pieces = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"▁", -2},  {"a", -3},    {"b", -3},
                                   {"ab", -4},      {"▁a", -3},    {"é", -5},      {"中", -6}, {"▁中", -6.5}};
  std::string charsmap = tiny_charsmap({{"\t", " "}, {"\n", " "}, {"\x01", ""}, {"Ａ", "a"}, {"e\xcc\x81", "é"}});
  std::string trainer = WireWriter().varint(3, 1).bytes();
  std::string extra;  // appended to the message

  [[nodiscard]] std::string bytes() const {
    WireWriter model;
    for (const auto& [text, score, type] : pieces) {
      model.text(1, WireWriter().text(1, text).number(2, score).varint(3, type).bytes());
    }
    model.text(2, trainer).text(3, WireWriter().text(1, "tiny").text(2, charsmap).bytes());
    return model.bytes() + extra;
  }
};

}  // namespace bgem3::test
