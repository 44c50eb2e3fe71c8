#pragma once

// Vectors of the instruction set that the including source file is compiled for. Such files may include no more than
// this: an inline function of a library, compiled here, could be the copy that the linker keeps for every processor.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace bgem3::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#else
constexpr int vector_bytes = 32;
#endif
constexpr int lanes = vector_bytes / 4;

using Vector = float __attribute__((vector_size(vector_bytes)));
using Bits = std::int32_t __attribute__((vector_size(vector_bytes)));

// At any address.
inline Vector load(const void* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}
inline void store(void* to, Vector vector) { __builtin_memcpy(to, &vector, sizeof(vector)); }

inline Vector spread(float value) { return value - Vector{}; }
/// b where one of them is NaN.
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
[[maybe_unused]] inline Bits larger(Bits a, Bits b) { return a > b ? a : b; }
[[maybe_unused]] inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

/// 2ˣ for x ≤ 0, relative error under 2e-7; 2⁻¹²⁶ for anything smaller, NaN for NaN.
inline Vector exp2_of_negative(Vector x) {
  // 1.5 · 2²³: adding it rounds to an integer, found in the lowest bits; with 127 more it is an exponent.
  constexpr float shifter = 12582912.0F + 127.0F;
  x = larger(spread(-126.0F), x);
  const Vector shifted = x + shifter;
  const Vector f = x - (shifted - shifter);  // -0.5 … 0.5
  Vector power = spread(1.5353362e-4F);      // coefficients of Cephes' exp2f
  power = power * f + 1.3398874e-3F;
  power = power * f + 9.6184373e-3F;
  power = power * f + 5.5503325e-2F;
  power = power * f + 0.24022648F;
  power = power * f + 0.69314720F;
  power = power * f + 1.0F;
  return power * std::bit_cast<Vector>(std::bit_cast<Bits>(shifted) << 23);
}

template <int stride, int... lane>
inline void exchange(Vector& a, Vector& b, std::integer_sequence<int, lane...>) {
  const Vector low = __builtin_shufflevector(a, b, ((lane & stride) != 0 ? lanes + lane - stride : lane)...);
  const Vector high = __builtin_shufflevector(a, b, ((lane & stride) != 0 ? lanes + lane : lane + stride)...);
  a = low;
  b = high;
}

// Exchanges the blocks of `stride` × `stride` off the diagonal of each block of twice the size.
template <int stride>
inline void transpose_step(Vector (&rows)[lanes]) {
#pragma GCC unroll 16
  for (int row = 0; row < lanes; ++row) {
    if ((row & stride) == 0) {
      exchange<stride>(rows[row], rows[row + stride], std::make_integer_sequence<int, lanes>());
    }
  }
}

/// A square of words; row i becomes column i.
inline void transpose(Vector (&rows)[lanes]) {
  transpose_step<1>(rows);
  transpose_step<2>(rows);
  transpose_step<4>(rows);
  if constexpr (lanes == 16) transpose_step<8>(rows);
}

}  // namespace
}  // namespace bgem3::cpu
