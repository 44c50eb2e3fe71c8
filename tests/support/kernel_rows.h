#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <doctest/doctest.h>

#include "kernels/cuda/kernels.h"
#include "support/guarded_array.h"

namespace bgem3::test {

// Shapes and arrays for tests of the kernels on rows.

using cuda::Element;

constexpr float eps = 1e-5f;
// Fewer elements than lanes, remainders of 16 bytes and of a warp, as many as the lanes hold, and more.
inline const std::vector<int> row_sizes = {1, 7, 8, 40, 44, 255, 384, 1024, 1032, 4096};
inline const std::vector<std::int64_t> row_counts = {1, 5};
// More than have a block each, so that a warp has one. The last block has one row.
constexpr std::int64_t many_rows = 1029;

template <typename T>
constexpr Element element_of = Element::float32;
template <>
inline constexpr Element element_of<c10::Half> = Element::float16;
template <>
inline constexpr Element element_of<c10::BFloat16> = Element::bfloat16;

/// What rounding of numbers up to 4 may cost.
template <typename T>
constexpr double tolerance = 1e-5;
template <>
inline constexpr double tolerance<c10::Half> = 4e-3;
template <>
inline constexpr double tolerance<c10::BFloat16> = 3e-2;

/// Calls work(T(), rows, size, offset) for all types, sizes, and rows that begin at 16 bytes and between; `most_rows`
/// for some sizes.
inline void for_all(const auto& work, std::int64_t most_rows = many_rows) {
  const auto with_type = [&](auto zero) {
    const auto with_shape = [&](std::int64_t rows, int size, std::size_t offset) {
      CAPTURE(sizeof zero);
      CAPTURE(rows);
      CAPTURE(size);
      CAPTURE(offset);
      work(zero, rows, size, offset);
    };
    for (const int size : row_sizes) {
      for (const auto rows : row_counts) with_shape(rows, size, 0);
      with_shape(2, size, 1);
    }
    for (const int size : {7, 1032}) with_shape(most_rows, size, 0);
  };
  with_type(float());
  with_type(c10::Half());
  with_type(c10::BFloat16());
}

inline std::size_t count_of(std::int64_t rows, int size) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(size);
}

template <typename T>
GuardedArray<T> random_array(std::size_t size, std::size_t offset = 0, float scale = 1) {
  static std::mt19937 generator(7);
  std::normal_distribution<float> normal(0, scale);
  GuardedArray<T> array(size, offset);
  for (T& element : array.all()) element = static_cast<T>(normal(generator));
  return array;
}

template <typename T>
double value_at(const GuardedArray<T>& array, std::int64_t index) {
  return static_cast<double>(static_cast<float>(array[static_cast<std::size_t>(index)]));
}

}  // namespace bgem3::test
