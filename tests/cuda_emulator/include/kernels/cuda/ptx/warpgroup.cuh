#pragma once

// src/kernels/cuda/ptx/warpgroup.cuh on the CPU. Copies arrive, and products are written, no earlier than they are
// waited for.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cuda_emulator/emulator.h"
#include "kernels/cuda/ptx/tensor_core.cuh"

#define BGEM3_HAS_WARPGROUPS 1

namespace bgem3::emulator {

/// Rows of 64 elements of 2 bytes, swizzled over 128 bytes, as wgmma is told of them.
class SwizzledRows {
 public:
  explicit SwizzledRows(std::uint64_t description) : begin_(static_cast<std::uint32_t>(description & 0x3fff) << 4) {
    const std::uint64_t eight_rows = (description >> 32 & 0x3fff) << 4, mode = description >> 62;
    if (eight_rows != 1024 || mode != 1) fail("a matrix of wgmma that is not emulated");
  }

  template <typename T>
  [[nodiscard]] float at(unsigned row, unsigned column) const {
    const std::uint32_t plain = begin_ + row * 128 + column * 2;
    const std::uint32_t address = plain ^ (plain >> 7 & 7) << 4;
    T element;
    std::memcpy(&element, shared_memory(address, sizeof element), sizeof element);
    return static_cast<float>(element);
  }

 private:
  std::uint32_t begin_;
};

/// Sums [64, columns] of a warpgroup, in the lanes' parts.
template <unsigned columns>
struct ProductPart {
  static constexpr std::size_t count = columns / 2;
  float (*sums)[count];
  std::vector<PendingSums>* pending;
  std::uint64_t right;
  bool add;

  /// Where the sums are until they are waited for. Whoever reads them before has NaN.
  [[nodiscard]] std::vector<float>& values() const {
    const auto found =
        std::ranges::find_if(*pending, [this](const PendingSums& one) { return one.sums == &(*sums)[0]; });
    if (found != pending->end()) return found->values;
    pending->push_back({&(*sums)[0], {std::begin(*sums), std::end(*sums)}, false});
    std::ranges::fill(*sums, std::numeric_limits<float>::quiet_NaN());
    return pending->back().values;
  }
};

/// left(row, k) · right(k, column) for all rows and columns.
template <unsigned columns, typename Parts, typename Left, typename Right>
void add_product(const Parts& parts, const Left& left, const Right& right) {
  std::array<std::array<float, 16>, 64> a;
  std::array<std::array<float, 16>, columns> b;
  for (unsigned k = 0; k < 16; ++k) {
    for (unsigned row = 0; row < a.size(); ++row) a[row][k] = left(row, k);
    for (unsigned column = 0; column < columns; ++column) b[column][k] = right(k, column);
  }
  for (unsigned thread = 0; thread < warpgroup_size; ++thread) {
    auto& values = parts(thread).values();
    for (unsigned i = 0; i < values.size(); ++i) {
      const unsigned row = thread / warp_size * 16 + thread % warp_size / 4 + i / 2 % 2 * 8;
      const unsigned column = i / 4 * 8 + thread % 4 * 2 + i % 2;
      float sum = parts(thread).add ? values[i] : 0;
      for (unsigned k = 0; k < 16; ++k) sum += a[row][k] * b[column][k];
      values[i] = sum;
    }
  }
}

}  // namespace bgem3::emulator

namespace bgem3::cuda {

template <int registers>
void give_up_registers() {}
template <int registers>
void take_registers() {}

inline void begin_products() { emulator::begin_products(); }
inline void end_products() { emulator::end_products(); }
inline void wait_for_products() { emulator::write_pending_sums(); }

template <typename T>
void multiply_rows(float (&sums)[64], std::uint64_t a, std::uint64_t b, bool add) {
  emulator::expect_products_begun();
  struct Part : emulator::ProductPart<128> {
    std::array<float, 16> row;
  } part{{&sums, &emulator::pending_sums(), b, add}, {}};
  // A warp reads its 16 rows of the left factor when it comes, whether the others are there or not.
  const unsigned own_row = emulator::lane_of_warpgroup() / emulator::warp_size * 16 + emulator::lane() % 16;
  for (unsigned k = 0; k < 16; ++k) part.row[k] = emulator::SwizzledRows(a).at<T>(own_row, k);
  emulator::warpgroup().meet("wgmma.m64n128k16", emulator::lane_of_warpgroup(), part, [](const auto& parts) {
    const emulator::SwizzledRows right(parts(0).right);
    emulator::add_product<128>(
        parts, [&](unsigned row, unsigned k) { return parts(row / 16 * emulator::warp_size + row % 16).row[k]; },
        [&](unsigned k, unsigned column) { return right.at<T>(column, k); });
  });
}

template <typename T>
void multiply_columns(float (&sums)[32], const std::uint32_t (&a)[4], std::uint64_t b, bool add) {
  emulator::expect_products_begun();
  struct Part : emulator::ProductPart<64> {
    const std::uint32_t (*left)[4];
  } part{{&sums, &emulator::pending_sums(), b, add}, &a};
  emulator::warpgroup().meet("wgmma.m64n64k16", emulator::lane_of_warpgroup(), part, [](const auto& parts) {
    const emulator::SwizzledRows right(parts(0).right);
    const auto left = [&](unsigned row, unsigned k) {
      const auto of_warp = [&](unsigned lane) -> const std::uint32_t(&)[4] {
        return *parts(row / 16 * emulator::warp_size + lane).left;
      };
      return emulator::element_of_16<T>(of_warp, row % 16, k);
    };
    emulator::add_product<64>(parts, left, [&](unsigned k, unsigned column) { return right.at<T>(k, column); });
  });
}

// Of a barrier: how many arrivals end a phase, how many are missing, and the parity of the phase.
inline void init_barrier(std::uint32_t barrier, int arrivals) {
  if (arrivals < 1) emulator::fail("a barrier of no arrivals");
  const auto count = static_cast<std::uint64_t>(arrivals);
  emulator::shared_barrier(barrier) = count | count << 16;
}

inline void arrive(std::uint32_t barrier) {
  std::uint64_t& state = emulator::shared_barrier(barrier);
  if ((state >> 16 & 0xffff) == 0) emulator::fail("a barrier that was not initialised");
  state -= std::uint64_t{1} << 16;
  if ((state >> 16 & 0xffff) == 0) state = (state ^ std::uint64_t{1} << 32) | (state & 0xffff) << 16;
}

inline void wait_for_phase(std::uint32_t barrier, int parity) {
  const std::uint64_t& state = emulator::shared_barrier(barrier);
  auto is_over = [&state, parity] { return (state >> 32 & 1) != static_cast<std::uint64_t>(parity); };
  emulator::wait_until(emulator::Condition(is_over), "mbarrier.try_wait");
}

inline void copy_16_bytes(std::uint32_t to, const void* from, bool valid) { emulator::copy_later(to, from, valid); }
inline void end_copies() { emulator::end_copies(); }

template <int pending>
void wait_for_copies() {
  emulator::wait_for_copies(pending);
}

inline void synchronize(int number, int threads) { emulator::synchronize_named(number, threads); }

}  // namespace bgem3::cuda
