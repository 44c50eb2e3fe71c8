#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3 {

/// Pieces of a vocabulary, at most. XLM-R's has 250,000.
constexpr std::size_t pieces_max = 1 << 22;

/// All pieces of a vocabulary in one block of memory, by id.
class PieceTable {
 public:
  void add(std::string_view piece) {
    text_ += piece;
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }

  [[nodiscard]] std::string_view operator[](std::size_t id) const noexcept {
    const std::uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(text_).substr(begin, ends_[id] - begin);
  }

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace bgem3
