#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Float8_e4m3fn.h>
#include <c10/util/Half.h>

#include "kernels/cuda/kernels.h"
#include "support/guarded_array.h"
#include "support/kernel_rows.h"

using namespace bgem3::cuda;
using namespace bgem3::test;

// The kernels that round rows to e4m3, on the emulator of tests/cuda_emulator.

namespace {

/// Rows in e4m3 and their scales.
struct Float8Arrays {
  GuardedArray<c10::Float8_e4m3fn> values;
  GuardedArray<float> scale;

  Float8Arrays(std::int64_t rows, int size, std::size_t offset = 0)
      : values(count_of(rows, size), offset), scale(static_cast<std::size_t>(rows)) {}
  [[nodiscard]] Float8Rows rows() { return {values.data(), scale.data()}; }
  [[nodiscard]] bool is_intact() const { return values.is_intact() && scale.is_intact(); }

  bool operator==(const Float8Arrays& other) const {
    const auto same_byte = [](auto a, auto b) { return a.x == b.x; };
    return std::equal(values.data(), values.data() + values.size(), other.values.data(), same_byte) &&
           std::equal(scale.data(), scale.data() + scale.size(), other.scale.data());
  }
};

/// What quantize_rows is to come to, by the same steps.
template <typename T>
Float8Arrays reference_float8(const GuardedArray<T>& input, std::int64_t rows, int size) {
  Float8Arrays expected(rows, size);
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* const from = input.data() + row * size;
    float largest = 1e-12f;
    for (int i = 0; i < size; ++i) largest = std::max(largest, std::abs(static_cast<float>(from[i])));
    expected.scale[static_cast<std::size_t>(row)] = largest / 448;
    const float factor = 1 / (largest / 448);
    for (int i = 0; i < size; ++i) {
      expected.values[static_cast<std::size_t>(row * size + i)] = static_cast<float>(from[i]) * factor;
    }
  }
  return expected;
}

}  // namespace

TEST_CASE("rows in e4m3") {
  for_all([]<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
    const auto input = random_array<T>(count_of(rows, size), offset);
    Float8Arrays output(rows, size);
    launch(QuantizeRows{output.rows(), input.data(), rows, size}, element_of<T>, nullptr);
    CHECK(output == reference_float8(input, rows, size));
    CHECK(output.is_intact());
  });
}

TEST_CASE("GELU in e4m3 is GELU, rounded, in e4m3") {
  for_all(
      []<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
        const auto input = random_array<T>(count_of(rows, size), offset, 2);
        GuardedArray<T> gelu(input.size());
        for (std::size_t i = 0; i < input.size(); ++i) {
          const auto value = static_cast<float>(input[i]);
          gelu[i] = static_cast<T>(value * 0.5f * (1 + std::erf(value * static_cast<float>(M_SQRT1_2))));
        }
        Float8Arrays output(rows, size);
        launch(GeluQuantizeRows{{output.rows(), input.data(), rows, size}}, element_of<T>, nullptr);
        CHECK(output == reference_float8(gelu, rows, size));
        CHECK(output.is_intact());
      },
      7);  // which have a block each, however many they are
}

TEST_CASE("a layer norm in e4m3 is the layer norm, rounded, in e4m3") {
  for_all([]<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
    const auto hidden = random_array<T>(count_of(rows, size), offset), residual = random_array<T>(count_of(rows, size));
    const auto columns = static_cast<std::size_t>(size);
    const auto weight = random_array<float>(columns), bias = random_array<float>(columns);
    GuardedArray<T> plain(hidden.size()), output(hidden.size());
    Float8Arrays float8(rows, size);
    AddLayerNorm work{hidden.data(), residual.data(), weight.data(), bias.data(), plain.data(), rows, size, eps};
    launch(work, element_of<T>, nullptr);
    work.output = output.data();
    launch(AddLayerNormQuantize{work, float8.rows()}, element_of<T>, nullptr);
    CHECK(std::ranges::equal(output.all(), plain.all()));
    CHECK(float8 == reference_float8(plain, rows, size));
    CHECK(output.is_intact());
    CHECK(float8.is_intact());
  });
}

// UndefinedBehaviorSanitizer tells of an access that its address does not allow.
TEST_CASE("arrays begin anywhere, one of them at a time") {
  constexpr int size = 48;
  constexpr std::int64_t rows = 3;
  const auto filled = []<typename T>(T, std::size_t count, std::size_t offset) {
    GuardedArray<T> array(count, offset);
    for (std::size_t i = 0; i < count; ++i) array[i] = static_cast<T>(std::sin(static_cast<float>(i)));
    return array;
  };
  const auto check = [&](int which, std::int64_t launched) {
    const auto offset_of = [which](int one) { return static_cast<std::size_t>(which == one ? 1 : 0); };
    const std::size_t count = count_of(launched, size);
    const auto hidden = filled(c10::Half(), count, offset_of(0)), residual = filled(c10::Half(), count, offset_of(1));
    const auto weight = filled(0.0f, size, offset_of(2)), bias = filled(0.0f, size, offset_of(3));
    GuardedArray<c10::Half> output(count, offset_of(4));
    Float8Arrays float8(launched, size, offset_of(5));
    launch(AddLayerNormQuantize{{hidden.data(), residual.data(), weight.data(), bias.data(), output.data(), launched,
                                 size, eps},
                                float8.rows()},
           Element::float16, nullptr);
    CHECK(float8 == reference_float8(output, launched, size));
    CHECK(output.is_intact());
    CHECK(float8.is_intact());
    launch(QuantizeRows{float8.rows(), output.data(), launched, size}, Element::float16, nullptr);
    CHECK(float8 == reference_float8(output, launched, size));
    GuardedArray<float> cut(count, offset_of(5));
    std::int32_t flag = 0;
    launch(TruncateNormalize{hidden.data(), size, nullptr, cut.data(), &flag, launched, size, false}, Element::float16,
           nullptr);
    CHECK(cut[count - 1] == static_cast<float>(hidden[count - 1]));
    GuardedArray<float> weights(static_cast<std::size_t>(launched));
    launch(TokenWeights{hidden.data(), weight.data(), bias.data(), weights.data(), &flag, launched, size},
           Element::float16, nullptr);
    CHECK(flag == 0);
  };
  for (int which = 0; which < 6; ++which) {
    CAPTURE(which);
    check(which, rows);
  }
  check(5, many_rows);
}

TEST_CASE("in e4m3, NaN and infinity become NaN and zeros stay") {
  for (const float special : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 0.0f}) {
    std::vector<float> row(9, special == 0 ? 0.0f : 1.0f);
    std::vector<c10::Float8_e4m3fn> output(9);
    float scale = 0;
    row[5] = special;
    launch(QuantizeRows{{output.data(), &scale}, row.data(), 1, 9}, Element::float32, nullptr);
    CHECK(scale > 0);
    CHECK(output[5].isnan() == (special != 0));
    if (special == 0) CHECK(static_cast<float>(output[0]) == 0);
  }
}

TEST_CASE("in e4m3, small rows use all of the range") {
  std::vector<float> row(8, 1e-9f);
  std::vector<c10::Float8_e4m3fn> output(8);
  float scale = 0;
  launch(QuantizeRows{{output.data(), &scale}, row.data(), 1, 8}, Element::float32, nullptr);
  CHECK(scale == 1e-9f / 448);
  CHECK(static_cast<float>(output[7]) == 448);
}
