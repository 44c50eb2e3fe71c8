#pragma once

// The arithmetic of the kernels on one row, as one of the lanes that share it sees it (launch.cuh).
#include <cmath>
#include <type_traits>

#include "kernels/cuda/ptx/e4m3.cuh"

namespace bgem3::cuda {

constexpr int bytes_at_once = 16;

/// `width` neighbouring elements that move in one access, or in two of 16 bytes.
template <typename T, int width>
struct alignas(sizeof(T) * width < bytes_at_once ? sizeof(T) * width : bytes_at_once) Vector {
  T elements[width];
};

template <int width, typename T>
__device__ void load(const T* from, float (&values)[width]) {
  const auto vector = *reinterpret_cast<const Vector<T, width>*>(from);
  for (int i = 0; i < width; ++i) values[i] = static_cast<float>(vector.elements[i]);
}

template <int width, typename T>
__device__ void store(const float (&values)[width], T* to) {
  Vector<T, width> vector;
  for (int i = 0; i < width; ++i) vector.elements[i] = static_cast<T>(values[i]);
  *reinterpret_cast<Vector<T, width>*>(to) = vector;
}

/// `width` numbers in e4m3, as bytes. No magnitude may exceed 448.
template <int width>
__device__ void store_e4m3(const float (&values)[width], unsigned char* to) {
  Vector<unsigned char, width> vector;
  if constexpr (width == 1) {
    vector.elements[0] = static_cast<unsigned char>(to_e4m3(values[0], 0));
  } else {
#pragma unroll
    for (int i = 0; i < width; i += 2) {
      const auto two = to_e4m3(values[i], values[i + 1]);
      vector.elements[i] = static_cast<unsigned char>(two);
      vector.elements[i + 1] = static_cast<unsigned char>(two >> 8);
    }
  }
  *reinterpret_cast<Vector<unsigned char, width>*>(to) = vector;
}

template <int width>
__device__ void store_scaled(float (&values)[width], float factor, unsigned char* to) {
  for (int i = 0; i < width; ++i) values[i] *= factor;
  store_e4m3<width>(values, to);
}

/// Calls visit(at) for each vector that a lane has in a row of `size` elements, a multiple of `width`.
template <int width, typename Lane, typename Visit>
__device__ void for_each_vector(const Lane& lane, int size, const Visit& visit) {
  for (int at = lane.rank() * width; at < size; at += lane.size() * width) visit(at);
}

/// A row as it is.
template <int width, typename T>
struct PlainRow {
  const T* row;

  __device__ void operator()(int at, float (&values)[width]) const { load<width>(row + at, values); }
};

/// Input of a norm: two rows, added.
template <int width, typename T>
struct SumOfTwo {
  const T* first;
  const T* second;

  __device__ void operator()(int at, float (&values)[width]) const {
    float others[width];
    load<width>(first + at, values);
    load<width>(second + at, others);
    for (int i = 0; i < width; ++i) values[i] += others[i];
  }
};

/// Input of a norm: three rows, added.
template <int width, typename T>
struct SumOfThree {
  SumOfTwo<width, T> two;
  const T* third;

  __device__ void operator()(int at, float (&values)[width]) const {
    float others[width];
    two(at, values);
    load<width>(third + at, others);
    for (int i = 0; i < width; ++i) values[i] += others[i];
  }
};

/// `width` elements of the weight and the bias of a norm.
template <int width>
struct ScaleAndShift {
  float weights[width];
  float biases[width];

  __device__ void read(const float* weight, const float* bias, int at) {
    load<width>(weight + at, weights);
    load<width>(bias + at, biases);
  }
};

/// No row in e4m3 is wanted.
struct NoFloat8 {};

/// A row in e4m3, each number divided by `scale`.
struct Float8Output {
  unsigned char* values;  // [size]
  float* scale;
};

/// What to divide numbers up to `largest` by, so that it becomes 448. Zeros are not divided by zero.
__device__ inline float e4m3_scale(float largest) { return std::fmax(largest, 1e-12f) / 448; }

/// Stores a row with numbers up to `largest`: `values` is what the lane holds of it, rest(at, values) what it does not.
template <int width, int held, typename Lane, typename Rest>
__device__ void store_float8_row(const Lane& lane, int size, float largest, float (&values)[held][width],
                                 const Rest& rest, const Float8Output& output) {
  const int step = lane.size() * width, begin = lane.rank() * width;
  const float scale = e4m3_scale(lane.max(largest)), factor = 1 / scale;
  if (lane.rank() == 0) *output.scale = scale;
#pragma unroll
  for (int k = 0; k < held; ++k) {
    const int at = begin + k * step;
    if (at < size) store_scaled<width>(values[k], factor, output.values + at);
  }
  float more[width];
  for (int at = begin + held * step; at < size; at += step) {
    rest(at, more);
    store_scaled<width>(more, factor, output.values + at);
  }
}

/// Layer normalisation of input(at, values) to output [size], and where asked for to `float8`, too, from numbers that
/// are rounded to T before; weight and bias [size] float32. The mean goes first: the variance as a difference of two
/// large sums would lose its digits. A lane keeps Lane::elements_held elements of the row in registers; of longer rows
/// the rest is read three times. Where Lane::reads_ahead, weight and bias come at the same time as the row, so that a
/// few rows wait for memory once; many rows find them in the cache, and registers are better left to more of them.
template <int width, typename Lane, typename Input, typename T, typename Float8>
__device__ void layer_norm_row(const Lane& lane, int size, float eps, const Input& input, const float* weight,
                               const float* bias, T* output, const Float8& float8) {
  constexpr bool has_float8 = !std::is_same_v<Float8, NoFloat8>;
  constexpr int held = Lane::elements_held > width ? Lane::elements_held / width : 1;
  const int step = lane.size() * width, begin = lane.rank() * width;
  float values[held][width] = {};
  ScaleAndShift<width> ahead[held];
  float sum = 0;
#pragma unroll
  for (int k = 0; k < held; ++k) {
    const int at = begin + k * step;
    if (at < size) input(at, values[k]);
    if (Lane::reads_ahead && at < size) ahead[k].read(weight, bias, at);
  }
#pragma unroll
  for (int k = 0; k < held; ++k) {
#pragma unroll
    for (int i = 0; i < width; ++i) sum += values[k][i];
  }
  float more[width];
  for (int at = begin + held * step; at < size; at += step) {
    input(at, more);
    for (int i = 0; i < width; ++i) sum += more[i];
  }
  const float mean = lane.sum(sum) / static_cast<float>(size);

  float squares = 0;
#pragma unroll
  for (int k = 0; k < held; ++k) {
    if (begin + k * step >= size) continue;
#pragma unroll
    for (int i = 0; i < width; ++i) squares += (values[k][i] - mean) * (values[k][i] - mean);
  }
  for (int at = begin + held * step; at < size; at += step) {
    input(at, more);
    for (int i = 0; i < width; ++i) squares += (more[i] - mean) * (more[i] - mean);
  }
  const float scale = 1 / std::sqrt(lane.sum(squares) / static_cast<float>(size) + eps);

  float largest = 0;
  const auto finish = [&](int at, float(&row)[width], const ScaleAndShift<width>& by) {
    for (int i = 0; i < width; ++i) row[i] = (row[i] - mean) * scale * by.weights[i] + by.biases[i];
    store<width>(row, output + at);
    if constexpr (has_float8) {
      for (int i = 0; i < width; ++i) {
        row[i] = static_cast<float>(static_cast<T>(row[i]));
        largest = std::fmax(largest, std::fabs(row[i]));
      }
    }
  };
#pragma unroll
  for (int k = 0; k < held; ++k) {
    const int at = begin + k * step;
    if (at >= size) continue;
    if (!Lane::reads_ahead) ahead[k].read(weight, bias, at);
    finish(at, values[k], ahead[k]);
  }
  for (int at = begin + held * step; at < size; at += step) {
    ScaleAndShift<width> by;
    by.read(weight, bias, at);
    input(at, more);
    finish(at, more, by);
  }
  // The rest is what this lane has just written.
  if constexpr (has_float8) store_float8_row(lane, size, largest, values, PlainRow<width, T>{output}, float8);
}

__device__ inline bool is_finite(float value) { return value - value == 0; }

/// The first `size` elements of a row, divided by their L2 norm (at least 1e-12) when `normalize`, as float32.
/// Returns whether all were finite; every lane gets the same answer.
template <int width, typename Lane, typename T>
__device__ bool truncate_normalize_row(const Lane& lane, int size, bool normalize, const T* row, float* output) {
  float values[width];
  float squares = 0;
  for_each_vector<width>(lane, size, [&](int at) {
    load<width>(row + at, values);
    for (int i = 0; i < width; ++i) squares += values[i] * values[i];
  });
  const float total = lane.sum(squares);
  const float norm = std::sqrt(total);
  const float divisor = normalize ? (norm < 1e-12f ? 1e-12f : norm) : 1.0f;
  for_each_vector<width>(lane, size, [&](int at) {
    load<width>(row + at, values);
    for (int i = 0; i < width; ++i) values[i] /= divisor;
    store<width>(values, output + at);
  });
  return is_finite(total);
}

/// row · weight + bias of one token, before the ReLU; every lane gets the same.
template <int width, typename Lane, typename T>
__device__ float token_weight_row(const Lane& lane, int size, const T* row, const float* weight, float bias) {
  float values[width], weights[width];
  float products = 0;
  for_each_vector<width>(lane, size, [&](int at) {
    load<width>(row + at, values);
    load<width>(weight + at, weights);
    for (int i = 0; i < width; ++i) products += values[i] * weights[i];
  });
  return lane.sum(products) + bias;
}

/// The erf GELU of a row, rounded to T as if it had been stored.
template <int width, typename T>
struct GeluOfRow {
  const T* row;

  __device__ void operator()(int at, float (&values)[width]) const {
    constexpr float sqrt_of_half = 0.70710678118654752f;
    load<width>(row + at, values);
    for (int i = 0; i < width; ++i) {
      const float value = values[i] * 0.5f * (1 + std::erf(values[i] * sqrt_of_half));
      values[i] = static_cast<float>(static_cast<T>(value));
    }
  }
};

/// input(at, values) in e4m3, scaled so that the largest magnitude becomes 448. NaN becomes NaN, and so does infinity,
/// by division by itself. A lane keeps Lane::elements_held elements in registers; the rest is read twice.
template <int width, typename Lane, typename Input>
__device__ void quantize_row(const Lane& lane, int size, const Input& input, const Float8Output& output) {
  constexpr int held = Lane::elements_held > width ? Lane::elements_held / width : 1;
  const int step = lane.size() * width, begin = lane.rank() * width;
  float values[held][width] = {}, more[width];
  float largest = 0;
  const auto take = [&](const float(&some)[width]) {
    for (int i = 0; i < width; ++i) largest = std::fmax(largest, std::fabs(some[i]));
  };
#pragma unroll
  for (int k = 0; k < held; ++k) {
    if (begin + k * step < size) input(begin + k * step, values[k]);
  }
#pragma unroll
  for (int k = 0; k < held; ++k) take(values[k]);
  for (int at = begin + held * step; at < size; at += step) {
    input(at, more);
    take(more);
  }
  store_float8_row(lane, size, largest, values, input, output);
}

}  // namespace bgem3::cuda
