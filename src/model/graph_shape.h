#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bgem3 {

/// Sizes of a batch that a graph is recorded for. Smaller batches are padded to it, with texts of their own: no real
/// text attends to them, so they change no result.
struct GraphShape {
  std::int64_t tokens;
  std::int64_t texts;

  friend auto operator<=>(const GraphShape&, const GraphShape&) = default;

  /// Offsets of the batch with the longest possible text, since each text has a token at least.
  [[nodiscard]] std::vector<std::int32_t> longest_offsets() const {
    std::vector<std::int32_t> offsets = {0};
    for (std::int64_t others = texts - 1; others >= 0; --others) {
      offsets.push_back(static_cast<std::int32_t>(tokens - others));
    }
    return offsets;
  }
};

/// Tokens of the largest shape: beyond, a GPU has so much to compute that launches cost nothing.
inline constexpr std::int64_t graph_tokens_max = 1024;

/// The shape for a batch, with room for a text of padding; nothing when the batch is too large. Steps are small enough
/// to compute at most a third more from 128 tokens on; below, time is that of reading the weights.
inline std::optional<GraphShape> find_graph_shape(std::int64_t tokens, std::int64_t texts) {
  const auto slots = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(texts) + 1));
  const std::int64_t needed = tokens + slots - texts;
  const std::int64_t step = needed <= 128 ? 32 : needed <= 512 ? 64 : 128;
  const std::int64_t padded = (needed + step - 1) / step * step;
  if (padded > graph_tokens_max) return std::nullopt;
  return GraphShape{padded, slots};
}

/// Adds texts of padding until a batch has a shape that find_graph_shape() gave for it. Their ids are 0, which every
/// vocabulary has.
inline void pad_to(const GraphShape& shape, std::vector<std::span<const std::int32_t>>& texts) {
  static constexpr std::array<std::int32_t, graph_tokens_max> zeros{};
  std::size_t left = static_cast<std::size_t>(shape.tokens);
  for (const auto& ids : texts) left -= ids.size();
  for (auto slots = static_cast<std::size_t>(shape.texts) - texts.size(); slots > 0; --slots) {
    texts.push_back(std::span(zeros).first(left / slots));
    left -= left / slots;
  }
}

}  // namespace bgem3
