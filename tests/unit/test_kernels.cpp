#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "kernels/cuda/kernels.h"
#include "support/guarded_array.h"
#include "support/kernel_rows.h"

using namespace bgem3::cuda;
using namespace bgem3::test;

// The kernels on rows, as they are launched on a GPU, on the emulator of tests/cuda_emulator.

namespace {

/// layer_norm(input(i)) of one row, in double.
std::vector<double> reference_layer_norm(int size, const auto& input, const GuardedArray<float>& weight,
                                         const GuardedArray<float>& bias) {
  double mean = 0, squares = 0;
  for (int i = 0; i < size; ++i) mean += input(i) / size;
  for (int i = 0; i < size; ++i) squares += (input(i) - mean) * (input(i) - mean);
  const double scale = 1 / std::sqrt(squares / size + static_cast<double>(eps));
  std::vector<double> row;
  for (int i = 0; i < size; ++i) row.push_back((input(i) - mean) * scale * value_at(weight, i) + value_at(bias, i));
  return row;
}

/// Largest difference of a row to `expected`, relative to numbers above 1; NaN counts as infinity.
template <typename T>
double difference(const GuardedArray<T>& found, std::int64_t row, const std::vector<double>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double value =
        value_at(found, row * static_cast<std::int64_t>(expected.size()) + static_cast<std::int64_t>(i));
    const double off = std::abs(value - expected[i]) / std::max(1.0, std::abs(expected[i]));
    largest = std::max(largest, std::isnan(off) ? std::numeric_limits<double>::infinity() : off);
  }
  return largest;
}

}  // namespace

TEST_CASE("residual and layer norm") {
  for_all([]<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
    const auto hidden = random_array<T>(count_of(rows, size), offset), residual = random_array<T>(count_of(rows, size));
    const auto columns = static_cast<std::size_t>(size);
    const auto weight = random_array<float>(columns), bias = random_array<float>(columns);
    GuardedArray<T> output(count_of(rows, size));
    launch(AddLayerNorm{hidden.data(), residual.data(), weight.data(), bias.data(), output.data(), rows, size, eps},
           element_of<T>, nullptr);
    double worst = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto sum = [&](int i) { return value_at(hidden, row * size + i) + value_at(residual, row * size + i); };
      worst = std::max(worst, difference(output, row, reference_layer_norm(size, sum, weight, bias)));
    }
    CHECK(worst < tolerance<T>);
    CHECK(output.is_intact());
  });
}

TEST_CASE("layer norm of a large mean and a small spread") {
  constexpr int size = 1024;
  auto hidden = random_array<float>(size, 0, 0.01f);
  for (float& value : hidden.all()) value += 1000;
  GuardedArray<float> zeros(size), ones(size), output(size);
  std::ranges::fill(zeros.all(), 0.0f);
  std::ranges::fill(ones.all(), 1.0f);
  launch(AddLayerNorm{hidden.data(), zeros.data(), ones.data(), zeros.data(), output.data(), 1, size, eps},
         Element::float32, nullptr);
  CHECK(difference(output, 0,
                   reference_layer_norm(
                       size, [&](int i) { return value_at(hidden, i); }, ones, zeros)) < 0.1);
}

TEST_CASE("embeddings and layer norm, in the type of the tables and in float32") {
  const auto check = []<typename T, typename Output>(T, Output, std::int64_t rows, int size, std::size_t offset,
                                                     bool has_types) {
    constexpr std::int64_t words = 37;
    const auto columns = static_cast<std::size_t>(size);
    const auto word = random_array<T>(count_of(words, size), offset), position = random_array<T>(count_of(rows, size));
    const auto token_type = random_array<T>(has_types ? 2 * columns : columns);
    const auto weight = random_array<float>(columns), bias = random_array<float>(columns);
    const auto count = static_cast<std::size_t>(rows);
    GuardedArray<std::int64_t> ids(count), positions(count), types(count);
    for (std::int64_t row = 0; row < rows; ++row) {
      ids[static_cast<std::size_t>(row)] = (row * 7 + words - 1) % words;
      positions[static_cast<std::size_t>(row)] = rows - 1 - row;
      types[static_cast<std::size_t>(row)] = row % 3 == 0 ? 0 : 1;
    }
    GuardedArray<Output> output(count_of(rows, size));
    launch(
        EmbedLayerNorm{ids.data(), positions.data(), has_types ? types.data() : nullptr, word.data(), position.data(),
                       token_type.data(), weight.data(), bias.data(), output.data(), rows, size, eps},
        element_of<T>, std::is_same_v<Output, float>, nullptr);
    double worst = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t id = (row * 7 + words - 1) % words, place = rows - 1 - row;
      const std::int64_t type = has_types && row % 3 != 0 ? 1 : 0;
      const auto sum = [&](int i) {
        return value_at(word, id * size + i) + value_at(position, place * size + i) +
               value_at(token_type, type * size + i);
      };
      worst = std::max(worst, difference(output, row, reference_layer_norm(size, sum, weight, bias)));
    }
    CHECK(worst < tolerance<Output>);
    CHECK(output.is_intact());
  };
  for_all([&]<typename T>(T zero, std::int64_t rows, int size, std::size_t offset) {
    for (const bool has_types : {false, true}) {
      check(zero, zero, rows, size, offset, has_types);
      if constexpr (!std::is_same_v<T, float>) check(zero, float(), rows, size, offset, has_types);
    }
  });
}

TEST_CASE("rows gathered, cut and normalised") {
  for_all([]<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
    const auto hidden = random_array<T>(count_of(rows, size), offset);
    GuardedArray<std::int32_t> index(static_cast<std::size_t>(rows)), flag(1);
    for (std::int64_t row = 0; row < rows; ++row) {
      index[static_cast<std::size_t>(row)] = static_cast<std::int32_t>((row * 5 + rows - 1) % rows);
    }
    flag[0] = 0;
    const auto check = [&](int kept, bool normalize, bool gathered) {
      GuardedArray<float> output(count_of(rows, kept));
      launch(TruncateNormalize{hidden.data(), size, gathered ? index.data() : nullptr, output.data(), flag.data(), rows,
                               kept, normalize},
             element_of<T>, nullptr);
      double worst = 0;
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t from = gathered ? index[static_cast<std::size_t>(row)] : row;
        double squares = 0;
        std::vector<double> expected;
        for (int i = 0; i < kept; ++i) {
          expected.push_back(value_at(hidden, from * size + i));
          squares += expected.back() * expected.back();
        }
        for (double& value : expected) value /= normalize ? std::sqrt(squares) : 1;
        worst = std::max(worst, difference(output, row, expected));
      }
      CHECK(worst < 1e-5);
      CHECK(output.is_intact());
    };
    check(size, true, false);
    check(size, false, true);
    check((size + 1) / 2, true, true);
    CHECK(flag[0] == 0);
    CHECK(flag.is_intact());
  });
}

TEST_CASE("weights of tokens") {
  for_all([]<typename T>(T, std::int64_t rows, int size, std::size_t offset) {
    const auto hidden = random_array<T>(count_of(rows, size), offset);
    const auto weight = random_array<float>(static_cast<std::size_t>(size), 0, 1 / std::sqrt(static_cast<float>(size)));
    const auto bias = random_array<float>(1);
    GuardedArray<float> output(static_cast<std::size_t>(rows));
    GuardedArray<std::int32_t> flag(1);
    flag[0] = 0;
    launch(TokenWeights{hidden.data(), weight.data(), bias.data(), output.data(), flag.data(), rows, size},
           element_of<T>, nullptr);
    double worst = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = value_at(bias, 0);
      for (int i = 0; i < size; ++i) sum += value_at(hidden, row * size + i) * value_at(weight, i);
      worst = std::max(worst, std::abs(value_at(output, row) - std::max(sum, 0.0)));
    }
    CHECK(worst < 1e-5);
    CHECK(output.is_intact());
    CHECK(flag[0] == 0);
  });
}

TEST_CASE("NaN and infinity raise the flag, in any row and only within what is kept") {
  constexpr int rows = 9, size = 40;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (std::size_t row = 0; row < rows; ++row) {
      auto hidden = random_array<c10::Half>(count_of(rows, size));
      hidden[row * size + size - 1] = bad;
      const auto weight = random_array<float>(size), bias = random_array<float>(1);
      GuardedArray<float> output(count_of(rows, size));
      const auto flag_of = [](const auto& work) {
        std::int32_t flag = 0;
        work(&flag);
        return flag;
      };
      const auto truncate = [&](int kept, bool normalize) {
        return flag_of([&](std::int32_t* flag) {
          launch(TruncateNormalize{hidden.data(), size, nullptr, output.data(), flag, rows, kept, normalize},
                 Element::float16, nullptr);
        });
      };
      CHECK(truncate(size, true) == 1);
      CHECK(truncate(size, false) == 1);
      CHECK(truncate(size - 1, true) == 0);
      CHECK(flag_of([&](std::int32_t* flag) {
              launch(TokenWeights{hidden.data(), weight.data(), bias.data(), output.data(), flag, rows, size},
                     Element::float16, nullptr);
            }) == 1);
    }
  }
}

TEST_CASE("a row of zeros stays one, also normalised") {
  std::vector<float> zeros(7), output(7, 1);
  std::int32_t flag = 0;
  launch(TruncateNormalize{zeros.data(), 7, nullptr, output.data(), &flag, 1, 7, true}, Element::float32, nullptr);
  CHECK(output == zeros);
  CHECK(flag == 0);
}

TEST_CASE("kernels are queued on the stream that they are given") {
  std::vector<float> row(8, 1), output(8);
  std::vector<unsigned char> values(8);
  std::vector<std::int64_t> ids(1);
  float scale = 0;
  std::int32_t flag = 0;
  const float* const one = row.data();
  const AddLayerNorm norm{one, one, one, one, output.data(), 1, 8, eps};
  char streams[7];
  int used = 0;
  const auto check = [&](const auto& launch_on) {
    void* const stream = &streams[used++];
    launch_on(stream);
    CHECK(bgem3::emulator::last_stream() == stream);
  };
  const auto element = Element::float32;
  check([&](void* stream) { launch(norm, element, stream); });
  check([&](void* stream) { launch(AddLayerNormQuantize{norm, {values.data(), &scale}}, element, stream); });
  check([&](void* stream) {
    launch(EmbedLayerNorm{ids.data(), ids.data(), nullptr, one, one, one, one, one, output.data(), 1, 8, eps}, element,
           true, stream);
  });
  check([&](void* stream) {
    launch(TruncateNormalize{one, 8, nullptr, output.data(), &flag, 1, 8, true}, element, stream);
  });
  check([&](void* stream) { launch(TokenWeights{one, one, one, output.data(), &flag, 1, 8}, element, stream); });
  check([&](void* stream) { launch(QuantizeRows{{values.data(), &scale}, one, 1, 8}, element, stream); });
  check([&](void* stream) { launch(GeluQuantizeRows{{{values.data(), &scale}, one, 1, 8}}, element, stream); });
}

TEST_CASE("no rows are no work") {
  for (const auto element : {Element::float32, Element::float16, Element::bfloat16}) {
    launch(AddLayerNorm{}, element, nullptr);
    launch(EmbedLayerNorm{}, element, true, nullptr);
    launch(TruncateNormalize{}, element, nullptr);
    launch(TokenWeights{}, element, nullptr);
    launch(AddLayerNormQuantize{}, element, nullptr);
    launch(QuantizeRows{}, element, nullptr);
    launch(GeluQuantizeRows{}, element, nullptr);
  }
}
