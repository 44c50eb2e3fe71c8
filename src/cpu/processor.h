#pragma once

namespace bgem3::cpu {

/// The sets that the files named *_avx2.cpp and *_avx512.cpp are compiled for.
enum class InstructionSet { other, avx2, avx512 };

inline InstructionSet instruction_set() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::other;
}

}  // namespace bgem3::cpu
