#pragma once

// Hidden states as vectors of float32, whatever they are stored as.

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "kernels/cpu/simd.h"

namespace bgem3::cpu {
namespace {

struct Float32Elements {
  using Element = float;
  static Vector load(const float* from) { return cpu::load(from); }
  static void store(float* to, Vector values) { cpu::store(to, values); }
};

struct BFloat16Elements {
  using Element = std::uint16_t;
  using Words = std::uint16_t __attribute__((vector_size(vector_bytes / 2)));
  using Unsigned = std::uint32_t __attribute__((vector_size(vector_bytes)));

  static Vector load(const std::uint16_t* from) {
    Words words;
    __builtin_memcpy(&words, from, sizeof(words));
    return std::bit_cast<Vector>(__builtin_convertvector(words, Unsigned) << 16);
  }
  // Rounded to the nearest, ties to even. NaN, which rounding could carry over into a number, stays NaN.
  static void store(std::uint16_t* to, Vector values) {
#if defined(__AVX512BF16__)
    const __m256bh words = _mm512_cvtneps_pbh(std::bit_cast<__m512>(values));
#else
    const auto bits = std::bit_cast<Unsigned>(values);
    const Unsigned rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    const auto words = __builtin_convertvector(values == values ? rounded : bits >> 16 | 0x40U, Words);
#endif
    __builtin_memcpy(to, &words, sizeof(words));
  }
};

/// The first `count` of a vector, zeros beyond.
template <typename Type>
inline Vector load_some(const typename Type::Element* from, std::int64_t count) {
  if (count >= lanes) return Type::load(from);
  typename Type::Element some[lanes] = {};
  for (std::int64_t i = 0; i < count; ++i) some[i] = from[i];
  return Type::load(some);
}

template <typename Type>
inline void store_some(typename Type::Element* to, Vector values, std::int64_t count) {
  if (count >= lanes) return Type::store(to, values);
  typename Type::Element some[lanes];
  Type::store(some, values);
  for (std::int64_t i = 0; i < count; ++i) to[i] = some[i];
}

/// The first `count` lanes, zeros beyond.
inline Vector first_lanes(Vector vector, std::int64_t count) {
  if (count >= lanes) return vector;
  Vector some{};
  for (int lane = 0; lane < count; ++lane) some[lane] = vector[lane];
  return some;
}

template <int stride, int... lane>
inline Vector partners(Vector vector, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(vector, vector, (lane ^ stride)...);
}

// combine(…) of all lanes, in every lane.
template <int stride = lanes / 2, typename Combine>
inline Vector across_lanes(Vector vector, const Combine& combine) {
  vector = combine(vector, partners<stride>(vector, std::make_integer_sequence<int, lanes>()));
  if constexpr (stride > 1) return across_lanes<stride / 2>(vector, combine);
  return vector;
}

/// combine(…combine(0, of(i, lanes))…) over a row of `size` numbers in every lane of the result; of(i, count) gives
/// `count` numbers from i on, and zeros. Several results are under way at once, because each step waits for the last.
template <typename Of, typename Combine>
inline Vector reduce_row(std::int64_t size, const Of& of, const Combine& combine) {
  constexpr int several = 4;
  Vector parts[several] = {};
  std::int64_t i = 0;
  for (; i + several * lanes <= size; i += several * lanes) {
#pragma GCC unroll 4
    for (int k = 0; k < several; ++k) parts[k] = combine(parts[k], of(i + k * lanes, std::int64_t{lanes}));
  }
  for (; i < size; i += lanes) parts[0] = combine(parts[0], of(i, size - i));
  return across_lanes(combine(combine(parts[0], parts[1]), combine(parts[2], parts[3])), combine);
}

}  // namespace
}  // namespace bgem3::cpu
