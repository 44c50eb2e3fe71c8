#pragma once

// src/kernels/cuda/ptx/tensor_core.cuh on the CPU. Which lane holds what is written down here once more, from NVIDIA's
// PTX manual.
#include <array>
#include <cstdint>
#include <cstring>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "cuda_emulator/emulator.h"

#define BGEM3_HAS_TENSOR_CORES 1

namespace bgem3::cuda {

template <typename T>
std::uint32_t pack(float first, float second) {
  const std::array<T, 2> both{T(first), T(second)};
  std::uint32_t packed;
  std::memcpy(&packed, both.data(), sizeof packed);
  return packed;
}

}  // namespace bgem3::cuda

namespace bgem3::emulator {

/// Element 0 or 1 of two in a register.
template <typename T>
float unpack(std::uint32_t packed, unsigned which) {
  std::array<T, 2> both;
  std::memcpy(both.data(), &packed, sizeof packed);
  return static_cast<float>(both[which]);
}

/// Element [row, column] of the 16 × 16 matrix whose lane's parts are registers(lane)[4].
template <typename T, typename Registers>
float element_of_16(const Registers& registers, unsigned row, unsigned column) {
  const unsigned lane = row % 8 * 4 + column % 8 / 2, part = row / 8 + column / 8 * 2;
  return unpack<T>(registers(lane)[part], column % 2);
}

/// The rows of four matrices [8, 8] of 16 bits.
struct MatrixPart {
  const void* row;
  std::uint32_t (*matrices)[4];
};

/// One element of matrix `matrix`.
template <typename Parts>
std::uint16_t element_of_matrix(const Parts& parts, unsigned matrix, unsigned row, unsigned column) {
  std::uint16_t element;
  const auto* begin = static_cast<const std::uint16_t*>(parts(matrix * 8 + row).row);
  std::memcpy(&element, begin + column, sizeof element);
  return element;
}

inline void load_matrices(std::uint32_t (&matrices)[4], const void* row, bool transposed) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) fail("a row of ldmatrix does not begin at 16 bytes");
  MatrixPart part{row, &matrices};
  warp().meet(transposed ? "ldmatrix.trans" : "ldmatrix", lane(), part, [transposed](const auto& parts) {
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      for (unsigned matrix = 0; matrix < 4; ++matrix) {
        std::uint32_t two = 0;
        for (unsigned i = 0; i < 2; ++i) {
          const unsigned first = lane / 4, second = lane % 4 * 2 + i;
          const std::uint32_t element = transposed ? element_of_matrix(parts, matrix, second, first)
                                                   : element_of_matrix(parts, matrix, first, second);
          two |= element << 16 * i;
        }
        (*parts(lane).matrices)[matrix] = two;
      }
    }
  });
}

}  // namespace bgem3::emulator

namespace bgem3::cuda {

template <typename T>
void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  struct Part {
    float (*sums)[4];
    const std::uint32_t (*a)[4];
    std::uint32_t b[2];
  } part{&sums, &a, {b0, b1}};
  emulator::warp().meet("mma.m16n8k16", emulator::lane(), part, [](const auto& parts) {
    const auto left = [&](unsigned lane) -> const std::uint32_t(&)[4] { return *parts(lane).a; };
    for (unsigned lane = 0; lane < emulator::warp_size; ++lane) {
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        float& sum = (*parts(lane).sums)[i];
        for (unsigned k = 0; k < 16; ++k) {
          const float right = emulator::unpack<T>(parts(column * 4 + k % 8 / 2).b[k / 8], k % 2);
          sum += emulator::element_of_16<T>(left, row, k) * right;
        }
      }
    }
  });
}

inline void load_matrices(std::uint32_t (&matrices)[4], const void* row) {
  emulator::load_matrices(matrices, row, false);
}
inline void load_transposed(std::uint32_t (&matrices)[4], const void* row) {
  emulator::load_matrices(matrices, row, true);
}

}  // namespace bgem3::cuda
