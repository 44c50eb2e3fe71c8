#pragma once

#include <cstdint>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

namespace bgem3::cuda {

// Hopper's products of a warpgroup, four warps that together hold 64 rows, and the barriers in shared memory that go
// with them: NVIDIA's PTX manual, "wgmma" and "mbarrier". All of it needs code for sm_90a.

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define BGEM3_HAS_WARPGROUPS 1
#endif

#ifdef BGEM3_HAS_WARPGROUPS

/// How many registers each thread of this warpgroup has from here on, a multiple of 8; the block keeps its number.
template <int registers>
__device__ void give_up_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}

/// Before products that read registers which ordinary instructions wrote.
__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ inline void wait_for_products() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }

// The sums of a product as operands of inline assembly.
#define BGEM3_SUMS_8(at)                                                                                              \
  "+f"(sums[at]), "+f"(sums[at + 1]), "+f"(sums[at + 2]), "+f"(sums[at + 3]), "+f"(sums[at + 4]), "+f"(sums[at + 5]), \
      "+f"(sums[at + 6]), "+f"(sums[at + 7])
#define BGEM3_SUMS_32(at) BGEM3_SUMS_8(at), BGEM3_SUMS_8(at + 8), BGEM3_SUMS_8(at + 16), BGEM3_SUMS_8(at + 24)

/// sums [64, 128] = or += a [64, 16] · bᵀ, where b has 128 rows, both of them with 16 columns that are read: queries
/// times keys. A warp has 16 rows of the sums, in the parts of mma.m16n8k16 (tensor_core.cuh).
template <typename T>
__device__ void multiply_rows(float (&sums)[64], std::uint64_t a, std::uint64_t b, bool add);

#define BGEM3_MULTIPLY_ROWS(type)                                          \
  asm volatile(                                                            \
      "{.reg .pred add; setp.ne.b32 add, %66, 0; "                         \
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type         \
      " "                                                                  \
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"            \
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"   \
      "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"   \
      "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, " \
      "%64, %65, add, 1, 1, 0, 0;}"                                        \
      : BGEM3_SUMS_32(0), BGEM3_SUMS_32(32)                                \
      : "l"(a), "l"(b), "r"(static_cast<int>(add)))

template <>
__device__ inline void multiply_rows<c10::Half>(float (&sums)[64], std::uint64_t a, std::uint64_t b, bool add) {
  BGEM3_MULTIPLY_ROWS("f16");
}
template <>
__device__ inline void multiply_rows<c10::BFloat16>(float (&sums)[64], std::uint64_t a, std::uint64_t b, bool add) {
  BGEM3_MULTIPLY_ROWS("bf16");
}

/// sums [64, 64] = or += a [64, 16] · b, where b has 16 rows of 64: weights times values. `a` is held like the sums.
template <typename T>
__device__ void multiply_columns(float (&sums)[32], const std::uint32_t (&a)[4], std::uint64_t b, bool add);

#define BGEM3_MULTIPLY_COLUMNS(type)                                       \
  asm volatile(                                                            \
      "{.reg .pred add; setp.ne.b32 add, %37, 0; "                         \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type          \
      " "                                                                  \
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"            \
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, " \
      "{%32,%33,%34,%35}, %36, add, 1, 1, 1;}"                             \
      : BGEM3_SUMS_32(0)                                                   \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(add)))

template <>
__device__ inline void multiply_columns<c10::Half>(float (&sums)[32], const std::uint32_t (&a)[4], std::uint64_t b,
                                                   bool add) {
  BGEM3_MULTIPLY_COLUMNS("f16");
}
template <>
__device__ inline void multiply_columns<c10::BFloat16>(float (&sums)[32], const std::uint32_t (&a)[4], std::uint64_t b,
                                                       bool add) {
  BGEM3_MULTIPLY_COLUMNS("bf16");
}

#undef BGEM3_MULTIPLY_COLUMNS
#undef BGEM3_MULTIPLY_ROWS
#undef BGEM3_SUMS_32
#undef BGEM3_SUMS_8

/// Barriers count arrivals; a phase ends with the last, and the next begins. Parity tells one phase from the next.
__device__ inline void init_barrier(std::uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ inline void arrive(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/// Until the phase of that parity has ended.
__device__ inline void wait_for_phase(std::uint32_t barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n"
      "@done bra end;\n"
      "bra again;\n"
      "end:\n"
      "}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

/// 16 bytes from global to shared memory without waiting; zeros instead where not `valid`.
__device__ inline void copy_16_bytes(std::uint32_t to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
}
__device__ inline void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Makes what this thread wrote to shared memory visible to products, once a barrier has been passed.
__device__ inline void show_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Waits for the `threads` that use barrier `number`, 1 to 15.
__device__ inline void synchronize(int number, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

/// Until all but the last `pending` groups of copies of this thread are there, for wgmma to read.
template <int pending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
  show_to_products();
}

#endif

}  // namespace bgem3::cuda
