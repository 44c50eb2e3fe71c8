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

/// Products of bfloat16 for the files named *_avx512bf16.cpp.
inline bool has_bfloat16() noexcept {
#if defined(__x86_64__)
  return instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

/// Products of int8 for the files named *_avx512vnni.cpp.
inline bool has_vnni() noexcept {
#if defined(__x86_64__)
  return instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

}  // namespace bgem3::cpu
