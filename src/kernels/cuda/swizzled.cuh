#pragma once

#include <cstdint>

namespace bgem3::cuda {

// Matrices in shared memory as the products of a warpgroup read them.

/// A matrix in shared memory whose rows have 64 elements of 2 bytes, stored so that wgmma reads it without conflicts:
/// the 16-byte part p of row r is at r * 128 + (p ^ r % 8) * 16. It begins at a multiple of 1024 bytes.
constexpr int swizzled_row_bytes = 128;

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// What wgmma is given for such a matrix; eight rows more are 1024 bytes further.
__device__ inline std::uint64_t describe_swizzled(std::uint32_t address) {
  constexpr std::uint64_t eight_rows = (8 * swizzled_row_bytes) >> 4, swizzle_128_bytes = 1;
  return (address & 0x3ffffu) >> 4 | std::uint64_t{1} << 16 | eight_rows << 32 | swizzle_128_bytes << 62;
}

/// The description of what lies `bytes` further.
__device__ inline std::uint64_t further(std::uint64_t description, int bytes) {
  return description + static_cast<std::uint64_t>(bytes >> 4);
}

}  // namespace bgem3::cuda
