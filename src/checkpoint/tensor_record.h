#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3 {

/// Element types that occur in checkpoints.
enum class ElementType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

constexpr std::size_t element_size(ElementType type) noexcept {
  switch (type) {
    case ElementType::f64:
    case ElementType::i64: return 8;
    case ElementType::f32:
    case ElementType::i32: return 4;
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::i16: return 2;
    case ElementType::i8:
    case ElementType::u8:
    case ElementType::boolean: return 1;
  }
  return 0;
}

/// Where one tensor lies in a file.
struct TensorRecord {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;             ///< bytes from the beginning of the file
  std::vector<std::int64_t> strides;  ///< elements; empty: it is contiguous
};

/// Dimensions of a tensor, at most.
constexpr std::size_t rank_max = 16;

/// Number of elements, or nothing when a dimension is negative or the product does not fit; that of all but the zeros
/// should fit as well, because strides are such products.
inline std::optional<std::int64_t> count_elements(const std::vector<std::int64_t>& shape) noexcept {
  std::int64_t count = 1;
  bool is_empty = false;
  for (const auto size : shape) {
    if (size < 0 || (size > 0 && __builtin_mul_overflow(count, size, &count))) return std::nullopt;
    is_empty |= size == 0;
  }
  return is_empty ? 0 : count;
}

/// Bytes of a tensor, or nothing as above.
inline std::optional<std::size_t> count_bytes(ElementType type, const std::vector<std::int64_t>& shape) noexcept {
  const auto elements = count_elements(shape);
  std::size_t bytes = 0;
  if (!elements || __builtin_mul_overflow(static_cast<std::size_t>(*elements), element_size(type), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace bgem3
