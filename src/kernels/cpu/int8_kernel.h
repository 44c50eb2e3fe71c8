#pragma once

// Linear layers in int8, compiled anew for each type of hidden states; see simd.h.

#include <immintrin.h>

#include "kernels/cpu/elements.h"
#include "kernels/cpu/int8.h"

namespace bgem3::cpu {
namespace {

constexpr int panel_vectors = static_cast<int>(int8_panel) / lanes;
constexpr int tile_rows = 6;  // tile_rows × panel_vectors sums, a row of weights and a broadcast fill the registers

/// x · Φ(x), Φ the normal distribution; absolute error under 4e-5 up to |x| = 4, 5e-4 at 12. A polynomial fitted for
/// this file: a step of int8 is coarser.
inline Vector gelu(Vector x) {
  const Vector clamped = larger(spread(-4.0F), smaller(spread(4.0F), x));
  const Vector square = clamped * clamped;
  Vector phi = spread(-1.30126665e-9F);
  phi = phi * square + 1.04194484e-7F;
  phi = phi * square - 3.65709798e-6F;
  phi = phi * square + 7.48546518e-5F;
  phi = phi * square - 1.00648811e-3F;
  phi = phi * square + 9.50539112e-3F;
  phi = phi * square - 6.58878312e-2F;
  phi = phi * square + 3.98673385e-1F;
  phi = phi * clamped + 0.5F;
  return x * larger(Vector{}, smaller(spread(1.0F), phi));
}

// sum += products of unsigned and signed bytes, four to a lane. Not the intrinsic: g++ 12 copies its sums about, which
// takes more time than the products.
inline void multiply_add(__m512i& sum, __m512i bytes, __m512i signed_bytes) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(signed_bytes));
}

template <typename Type>
class Product {
  using Element = typename Type::Element;

 public:
  explicit Product(const Int8Product& product) : product_(product) {}

  void run(std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin, std::int64_t panel_end) {
    // Tiles of even heights, so that none is much lower than the registers allow.
    const std::int64_t tiles = (row_end - row_begin + tile_rows - 1) / tile_rows;
    for (std::int64_t panel = panel_begin; panel < panel_end; ++panel) {
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const std::int64_t begin = row_begin + (row_end - row_begin) * tile / tiles;
        const std::int64_t end = row_begin + (row_end - row_begin) * (tile + 1) / tiles;
        run_tile(begin, end - begin, panel, next_panel(panel, tile, tiles));
      }
    }
  }

 private:
  // The part of the next panel that a tile fetches into the second-level cache while it multiplies this one: memory is
  // read all the time then, and not only under the first tile of a panel.
  [[nodiscard]] const std::int8_t* next_panel(std::int64_t panel, std::int64_t tile, std::int64_t tiles) const {
    const std::int64_t bytes = int8_panel * product_.input.inputs;
    return product_.weights.values + (panel + 1) * bytes + bytes * tile / tiles;
  }

  void run_tile(std::int64_t row, std::int64_t rows, std::int64_t panel, const std::int8_t* next) {
    switch (rows) {
      case 1: return multiply<1>(row, panel, next);
      case 2: return multiply<2>(row, panel, next);
      case 3: return multiply<3>(row, panel, next);
      case 4: return multiply<4>(row, panel, next);
      case 5: return multiply<5>(row, panel, next);
      default: return multiply<6>(row, panel, next);
    }
  }

  template <int rows>
  void multiply(std::int64_t row, std::int64_t panel, const std::int8_t* next) {
    const std::int64_t inputs = product_.input.inputs;
    const std::uint8_t* input = product_.input.values + row * inputs;
    const std::int8_t* weights = product_.weights.values + panel * int8_panel * inputs;
    __m512i sums[rows][panel_vectors];
#pragma GCC unroll 4
    for (int v = 0; v < panel_vectors; ++v) {
      const __m512i offset = _mm512_loadu_si512(product_.weights.offset + panel * int8_panel + v * lanes);
#pragma GCC unroll 6
      for (int r = 0; r < rows; ++r) sums[r][v] = offset;
    }
    for (std::int64_t i = 0; i < inputs; i += int8_word) {
      __builtin_prefetch(next + i * (int8_panel / int8_word), 0, 2);
      __m512i column[panel_vectors];
#pragma GCC unroll 4
      for (int v = 0; v < panel_vectors; ++v)
        column[v] = _mm512_loadu_si512(weights + (i * panel_vectors + v * int8_word) * lanes);
#pragma GCC unroll 6
      for (int r = 0; r < rows; ++r) {
        std::int32_t word;
        __builtin_memcpy(&word, input + r * inputs + i, sizeof(word));
        const __m512i activations = _mm512_set1_epi32(word);
#pragma GCC unroll 4
        for (int v = 0; v < panel_vectors; ++v) multiply_add(sums[r][v], activations, column[v]);
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < panel_vectors; ++v) {
        finish(row + r, panel * int8_panel + v * lanes, std::bit_cast<Vector>(_mm512_cvtepi32_ps(sums[r][v])));
      }
    }
  }

  // Outputs `output` … of a row, from their sums.
  void finish(std::int64_t row, std::int64_t output, Vector sums) {
    const Int8Weights& weights = product_.weights;
    const Vector scale = load(weights.scale + output) * product_.input.scale[row];
    Vector values = sums * scale + load(weights.bias + output);
    if (product_.gelu) values = gelu(values);
    const std::int64_t at = row * weights.outputs + output, left = weights.outputs - output;
    if (product_.residual != nullptr)
      values += load_some<Type>(static_cast<const Element*>(product_.residual) + at, left);
    store_some<Type>(static_cast<Element*>(product_.output) + at, values, left);
  }

  const Int8Product& product_;
};

template <typename Type>
void quantize_row(const typename Type::Element* from, std::int64_t size, std::uint8_t* to, float& scale,
                  std::int64_t inputs) {
  const auto magnitudes = [&](std::int64_t i, std::int64_t left) {
    return std::bit_cast<Vector>(std::bit_cast<Bits>(load_some<Type>(from + i, left)) & 0x7FFFFFFF);
  };
  // As integers: so NaN is the largest of all, and makes the scale NaN.
  const auto larger_bits = [](Vector a, Vector b) {
    return std::bit_cast<Vector>(larger(std::bit_cast<Bits>(a), std::bit_cast<Bits>(b)));
  };
  const float most = reduce_row(size, magnitudes, larger_bits)[0];
  scale = most / 127;
  const float factor = most > 0 ? 127 / most : 0;
  for (std::int64_t i = 0; i < inputs; i += lanes) {
    const __m512 scaled = std::bit_cast<__m512>(load_some<Type>(from + i, size - i) * factor + 128.0F);
    const __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(scaled));  // to the nearest
    const std::int64_t count = inputs - i < lanes ? inputs - i : lanes;
    _mm_mask_storeu_epi8(to + i, static_cast<__mmask16>((1U << count) - 1), bytes);
  }
}

template <typename Type>
constexpr Int8Kernel kernel_for{
    [](const void* hidden, std::int64_t size, std::int64_t begin, std::int64_t end, const Int8Rows& to) {
      const auto* rows = static_cast<const typename Type::Element*>(hidden);
      for (std::int64_t row = begin; row < end; ++row) {
        quantize_row<Type>(rows + row * size, size, to.values + row * to.inputs, to.scale[row], to.inputs);
      }
    },
    [](const Int8Product& product, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
       std::int64_t panel_end) { Product<Type>(product).run(row_begin, row_end, panel_begin, panel_end); }};

}  // namespace
}  // namespace bgem3::cpu
