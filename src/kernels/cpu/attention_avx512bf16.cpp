#include <immintrin.h>

#include "kernels/cpu/attention_kernel.h"

namespace bgem3::cpu {
namespace {

struct BFloat16Products {
  using Word = std::uint32_t;  // two, the first in the lower half
  using Element = std::uint16_t;
  static constexpr int per_word = 2;

  static Vector broadcast(std::uint32_t word) {
    return std::bit_cast<Vector>(_mm512_set1_epi32(static_cast<int>(word)));
  }
  static void multiply_add(Vector& sum, Vector a, Vector b) {
    sum = std::bit_cast<Vector>(
        _mm512_dpbf16_ps(std::bit_cast<__m512>(sum), std::bit_cast<__m512bh>(a), std::bit_cast<__m512bh>(b)));
  }
  static std::uint32_t join(const std::uint16_t* const (&rows)[2], std::int64_t d) {
    return rows[0][d] | static_cast<std::uint32_t>(rows[1][d]) << 16;
  }
  // Rounded to the nearest; probabilities are never NaN.
  static Vector to_words(const Vector (&values)[2]) {
    const auto low = std::bit_cast<Unsigned>(values[0]) + 0x8000U;
    const auto high = std::bit_cast<Unsigned>(values[1]) + 0x8000U;
    return std::bit_cast<Vector>((low >> 16) | (high & 0xFFFF0000U));
  }
  static void store_elements(std::uint16_t* to, Vector values) {
    const __m256bh rounded = _mm512_cvtneps_pbh(std::bit_cast<__m512>(values));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), std::bit_cast<__m256i>(rounded));
  }

 private:
  using Unsigned = std::uint32_t __attribute__((vector_size(vector_bytes)));
};

}  // namespace

const AttentionKernel attention_bfloat16_avx512 = kernel_for<BFloat16Products>;

}  // namespace bgem3::cpu
