#pragma once

#include <cstdint>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace bgem3::cuda {

// Products of small matrices on tensor cores of compute capability 8.0 and later. A warp holds each matrix in parts,
// one lane a few elements of it: NVIDIA's PTX manual, "Matrix fragments for mma.m16n8k16" and "ldmatrix", draws which.

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define BGEM3_HAS_TENSOR_CORES 1
#endif

/// Two neighbouring 16-bit elements in one register.
template <typename T>
__device__ std::uint32_t pack(float first, float second);

template <>
__device__ inline std::uint32_t pack<c10::Half>(float first, float second) {
  const __half2 both = __floats2half2_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

template <>
__device__ inline std::uint32_t pack<c10::BFloat16>(float first, float second) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

#ifdef BGEM3_HAS_TENSOR_CORES

/// sums [16, 8] += a [16, 16] · b [16, 8].
template <typename T>
__device__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);

template <>
__device__ inline void multiply_add<c10::Half>(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                               std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <>
__device__ inline void multiply_add<c10::BFloat16>(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                                   std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Four matrices [8, 8] of 16-bit elements from shared memory; lane k names row k % 8 of matrix k / 8, 16 bytes.
__device__ inline void load_matrices(std::uint32_t (&matrices)[4], const void* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(address)
               : "memory");
}

/// load_matrices(), each of them transposed.
__device__ inline void load_transposed(std::uint32_t (&matrices)[4], const void* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
               : "r"(address)
               : "memory");
}

#endif

}  // namespace bgem3::cuda
