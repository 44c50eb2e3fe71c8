#include "support/doctest_torch.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Float8_e4m3fn.h>
#include <c10/util/Half.h>

#include "bgem3/detail/float8.h"
#include "cuda/rows.h"
#include "support/row_reference.h"

using namespace bgem3;
using namespace bgem3::cuda;
using test::difference;
using test::tolerance;

namespace {

// The arithmetic of the kernels, as compiled for the GPU but with all of a row in one lane, in steps of 16 bytes where
// a row has no remainder, as the launches choose, and of one element.

constexpr double eps = 1e-5;
const std::vector<int64_t> sizes = {1, 2, 7, 8, 31, 384, 1023, 1024, 4096};

// Calls work(T(), integral constant of the width) for each type and each width that fits rows of `size`.
void for_types_and_widths(int64_t size, const auto& work) {
  const auto with_widths = [&](auto zero) {
    constexpr int widest = bytes_at_once / static_cast<int>(sizeof zero);
    CAPTURE(size);
    CAPTURE(sizeof zero);
    work(zero, std::integral_constant<int, 1>());
    if (size % widest == 0) work(zero, std::integral_constant<int, widest>());
  };
  with_widths(float());
  with_widths(c10::Half());
  with_widths(c10::BFloat16());
}

template <typename T>
at::Tensor random_rows(int64_t rows, int64_t size) {
  return at::randn({rows, size}).to(c10::CppTypeToScalarType<T>::value);
}

}  // namespace

TEST_CASE("layer norm of a sum") {
  for (const auto size : sizes) {
    const at::Tensor weight = at::randn({size}), bias = at::randn({size});
    for_types_and_widths(size, [&]<typename T, int width>(T, std::integral_constant<int, width>) {
      const at::Tensor hidden = random_rows<T>(2, size), residual = random_rows<T>(2, size);
      const at::Tensor output = at::empty({2, size}, hidden.options());
      for (int64_t row = 0; row < 2; ++row) {
        const SumOfTwo<width, T> input{hidden[row].const_data_ptr<T>(), residual[row].const_data_ptr<T>()};
        layer_norm_row<width>(OneLane(), static_cast<int>(size), static_cast<float>(eps), input,
                              weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                              output[row].mutable_data_ptr<T>());
      }
      const at::Tensor expected = test::reference_add_layer_norm(hidden, residual, weight, bias, eps);
      CHECK(difference(output, expected) < 4 * tolerance(output.scalar_type()));
    });
  }
}

TEST_CASE("layer norm of a large mean and a small spread") {
  const at::Tensor hidden = at::randn({1, 1024}).mul_(0.01).add_(1000), zeros = at::randn({1, 1024}).zero_();
  const at::Tensor ones = zeros[0].add(1), output = at::empty({1, 1024});
  const SumOfTwo<4, float> input{hidden.const_data_ptr<float>(), zeros.const_data_ptr<float>()};
  layer_norm_row<4>(OneLane(), 1024, 1e-5f, input, ones.const_data_ptr<float>(), zeros.const_data_ptr<float>(),
                    output.mutable_data_ptr<float>());
  CHECK(difference(output, test::reference_add_layer_norm(hidden, zeros, ones, zeros[0], eps)) < 0.1);
}

TEST_CASE("layer norm of word, position and token type embeddings") {
  for (const auto size : sizes) {
    const at::Tensor weight = at::randn({size}), bias = at::randn({size});
    const at::Tensor ids = at::randint(9, {3}, at::kLong), positions = at::arange(2, 5);
    for_types_and_widths(size, [&]<typename T, int width>(T, std::integral_constant<int, width>) {
      const at::Tensor word = random_rows<T>(9, size), position = random_rows<T>(5, size);
      const at::Tensor token_type = random_rows<T>(1, size)[0], output = at::empty({3, size});
      for (int64_t row = 0; row < 3; ++row) {
        const SumOfThree<width, T> input{{word[ids[row].item<int64_t>()].const_data_ptr<T>(),
                                          position[positions[row].item<int64_t>()].const_data_ptr<T>()},
                                         token_type.const_data_ptr<T>()};
        layer_norm_row<width>(OneLane(), static_cast<int>(size), static_cast<float>(eps), input,
                              weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                              output[row].mutable_data_ptr<float>());
      }
      const at::Tensor expected =
          test::reference_embed_layer_norm(ids, positions, word, position, token_type, weight, bias, eps);
      CHECK(difference(output, expected) < 1e-4);
    });
  }
}

TEST_CASE("rows normalised, cut and as they are") {
  for (const auto size : sizes) {
    for_types_and_widths(size, [&]<typename T, int width>(T, std::integral_constant<int, width>) {
      const at::Tensor hidden = random_rows<T>(1, size + 8), output = at::empty({1, size});
      for (const bool normalize : {true, false}) {
        CHECK(truncate_normalize_row<width>(OneLane(), static_cast<int>(size), normalize, hidden.const_data_ptr<T>(),
                                            output.mutable_data_ptr<float>()));
        CHECK(difference(output, test::reference_truncate_normalize(hidden, std::nullopt, size, normalize)) < 1e-6);
      }
    });
  }
}

TEST_CASE("a row of zeros stays one") {
  const std::vector<float> zeros(7);
  std::vector<float> output(7, 1);
  CHECK(truncate_normalize_row<1>(OneLane(), 7, true, zeros.data(), output.data()));
  CHECK(output == zeros);
}

TEST_CASE("weights of tokens") {
  for (const auto size : sizes) {
    const at::Tensor weight = at::randn({1, size}).div_(std::sqrt(size)), bias = at::randn({1});
    for_types_and_widths(size, [&]<typename T, int width>(T, std::integral_constant<int, width>) {
      const at::Tensor hidden = random_rows<T>(1, size);
      const float found = token_weight_row<width>(OneLane(), static_cast<int>(size), hidden.const_data_ptr<T>(),
                                                  weight.const_data_ptr<float>(), bias.item<float>());
      const at::Tensor expected = test::reference_token_weights(hidden, weight, bias);
      CHECK(std::abs(std::max(found, 0.0f) - expected[0].item<double>()) < 1e-5);
    });
  }
}

TEST_CASE("rows in e4m3 equal those of ATen") {
  for (const auto size : sizes) {
    for_types_and_widths(size, [&]<typename T, int width>(T, std::integral_constant<int, width>) {
      const at::Tensor row = random_rows<T>(1, size), output = at::empty({1, size}, at::kFloat8_e4m3fn);
      const float scale = quantize_row<width>(OneLane(), static_cast<int>(size), row.const_data_ptr<T>(),
                                              output.mutable_data_ptr<c10::Float8_e4m3fn>());
      const auto expected = detail::quantize_rows(row);
      CHECK(scale == expected.scale.item<float>());
      CHECK(output.to(at::kFloat).equal(expected.values.to(at::kFloat)));
    });
  }
}

TEST_CASE("in e4m3, NaN and infinity become NaN and zeros stay") {
  for (const float special : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 0.0f}) {
    std::vector<float> row(9, special == 0 ? 0.0f : 1.0f);
    std::vector<c10::Float8_e4m3fn> output(9);
    row[5] = special;
    CHECK(quantize_row<1>(OneLane(), 9, row.data(), output.data()) > 0);
    CHECK(output[5].isnan() == (special != 0));
    if (special == 0) CHECK(static_cast<float>(output[0]) == 0);
  }
}

TEST_CASE("NaN and infinity are noticed") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    std::vector<float> row(9, 1.0f), output(9), weight(9, 1.0f);
    row[5] = bad;
    CHECK_FALSE(truncate_normalize_row<1>(OneLane(), 9, true, row.data(), output.data()));
    CHECK_FALSE(truncate_normalize_row<1>(OneLane(), 9, false, row.data(), output.data()));
    CHECK_FALSE(is_finite(token_weight_row<1>(OneLane(), 9, row.data(), weight.data(), 0.0f)));
    CHECK(truncate_normalize_row<1>(OneLane(), 5, true, row.data(), output.data()));
  }
  CHECK(is_finite(65504.0f));
}
