#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "kernels/cuda/kernels.h"
#include "support/guarded_array.h"

using namespace bgem3::cuda;
using bgem3::test::GuardedArray;

// The kernels of attention, as they are launched on a GPU, on the emulator of tests/cuda_emulator.

namespace {

using Lengths = std::vector<int>;

template <typename T>
constexpr Element element_of = std::is_same_v<T, c10::Half> ? Element::float16 : Element::bfloat16;
template <typename T>
constexpr double tolerance = std::is_same_v<T, c10::Half> ? 2e-3 : 1.6e-2;

/// Packed texts: queries in rows of their own, keys and values side by side in others, as products leave them.
template <typename T>
struct Texts {
  Lengths queries, keys;
  int heads, head_size;
  int query_stride = heads * head_size + 24;
  int key_stride = 3 * heads * head_size + 8;
  GuardedArray<std::int32_t> query_offsets = offsets_of(queries), key_offsets = offsets_of(keys);
  GuardedArray<T> query = random_rows(queries, query_stride, 24), key_value = random_rows(keys, key_stride, 8);

  static GuardedArray<std::int32_t> offsets_of(const Lengths& lengths) {
    GuardedArray<std::int32_t> offsets(lengths.size() + 1);
    offsets[0] = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) offsets[i + 1] = offsets[i] + lengths[i];
    return offsets;
  }

  [[nodiscard]] GuardedArray<T> random_rows(const Lengths& lengths, int stride, std::size_t gap) const {
    static std::mt19937 generator(11);
    std::normal_distribution<float> normal;
    std::size_t rows = 0;
    for (const int length : lengths) rows += static_cast<std::size_t>(length);
    // The last row ends with its values.
    GuardedArray<T> array(rows * static_cast<std::size_t>(stride) - gap);
    for (T& element : array.all()) element = static_cast<T>(normal(generator));
    return array;
  }

  [[nodiscard]] std::size_t output_size() const {
    return static_cast<std::size_t>(query_offsets[queries.size()]) * static_cast<std::size_t>(heads * head_size);
  }

  [[nodiscard]] TextAttention work(GuardedArray<T>& output, int query_max, int key_max) const {
    return {.query = query.data(),
            .key = key_value.data() + heads * head_size,
            .value = key_value.data() + 2 * heads * head_size,
            .query_offsets = query_offsets.data(),
            .key_offsets = key_offsets.data(),
            .output = output.data(),
            .query_stride = query_stride,
            .key_stride = key_stride,
            .texts = static_cast<int>(queries.size()),
            .heads = heads,
            .head_size = head_size,
            .query_max = query_max,
            .key_max = key_max,
            .factor = static_cast<float>(std::numbers::log2e / std::sqrt(head_size))};
  }

  /// One head of one row: a query, or a key (part 1) or value (part 2).
  [[nodiscard]] const T* query_head(int row, int head) const {
    return query.data() + static_cast<std::ptrdiff_t>(row) * query_stride + head * head_size;
  }
  [[nodiscard]] const T* key_head(int row, int part, int head) const {
    return key_value.data() + static_cast<std::ptrdiff_t>(row) * key_stride + (part * heads + head) * head_size;
  }

  /// Attention of one query, in double.
  [[nodiscard]] std::vector<double> reference(std::size_t text, int query_row, int head) const {
    const int begin = key_offsets[text], end = key_offsets[text + 1];
    std::vector<double> sums(static_cast<std::size_t>(head_size));
    double total = 0;
    for (int row = begin; row < end; ++row) {
      double score = 0;
      for (int i = 0; i < head_size; ++i) {
        score += static_cast<double>(query_head(query_row, head)[i]) * static_cast<double>(key_head(row, 1, head)[i]);
      }
      const double weight = std::exp(score / std::sqrt(head_size));
      total += weight;
      for (int i = 0; i < head_size; ++i) {
        sums[static_cast<std::size_t>(i)] += weight * static_cast<double>(key_head(row, 2, head)[i]);
      }
    }
    for (double& sum : sums) sum /= total;
    return sums;
  }

  /// Largest difference of all queries; NaN counts as infinity.
  [[nodiscard]] double difference(const GuardedArray<T>& found) const {
    double largest = 0;
    for (std::size_t text = 0; text < queries.size(); ++text) {
      for (int row = query_offsets[text]; row < query_offsets[text + 1]; ++row) {
        for (int head = 0; head < heads; ++head) {
          const auto expected = reference(text, row, head);
          const T* const values = found.data() + (static_cast<std::ptrdiff_t>(row) * heads + head) * head_size;
          for (std::size_t i = 0; i < expected.size(); ++i) {
            const double off = std::abs(static_cast<double>(values[i]) - expected[i]);
            largest = std::max(largest, std::isnan(off) ? std::numeric_limits<double>::infinity() : off);
          }
        }
      }
    }
    return largest;
  }
};

int longest(const Lengths& lengths) { return *std::ranges::max_element(lengths); }

template <typename Work, typename T>
void check_attention(const Texts<T>& texts, int query_max, int key_max) {
  GuardedArray<T> output(texts.output_size());
  launch(Work{texts.work(output, query_max, key_max)}, element_of<T>, nullptr);
  CHECK(texts.difference(output) < tolerance<T>);
  CHECK(output.is_intact());
}

/// Of all tokens, and of the first of each text alone.
template <typename Work, typename T>
void check_lengths(const Lengths& lengths, int heads, int head_size) {
  CAPTURE(lengths.front());
  CAPTURE(heads);
  CAPTURE(head_size);
  CAPTURE(sizeof(T));
  const Texts<T> all{lengths, lengths, heads, head_size};
  check_attention<Work>(all, longest(lengths), longest(lengths));
  const Texts<T> first{Lengths(lengths.size(), 1), lengths, heads, head_size};
  check_attention<Work>(first, 1, longest(lengths));
}

}  // namespace

TEST_CASE("attention of short texts") {
  for (const auto& [heads, head_size] : {std::pair(1, 64), std::pair(3, 32), std::pair(12, 32), std::pair(4, 64)}) {
    for (const auto& lengths : {Lengths{1}, {7, 16, 1}, {17}, {17, 3, 32}, {33, 5}, {33, 64, 2, 63}}) {
      check_lengths<ShortAttention, c10::Half>(lengths, heads, head_size);
      check_lengths<ShortAttention, c10::BFloat16>(lengths, heads, head_size);
    }
  }
}

TEST_CASE("attention of long texts") {
  for (const auto& lengths : {Lengths{1}, {63, 127, 129}, {128, 192, 193}, {2, 385}}) {
    check_lengths<LongAttention, c10::Half>(lengths, 1, 64);
  }
  check_lengths<LongAttention, c10::BFloat16>({65, 130}, 2, 64);
}

// Three rounds through the stages of keys that the kernel for long texts keeps.
TEST_CASE("a few queries of many keys") {
  const Texts<c10::Half> texts{{3, 1}, {1100, 6}, 1, 64};
  check_attention<LongAttention>(texts, 3, 1100);
}

// What a CUDA graph records: the longest text that may come.
TEST_CASE("texts may be shorter than the longest that is named") {
  const Texts<c10::Half> texts{{5, 9}, {5, 9}, 2, 64};
  check_attention<ShortAttention>(texts, 64, 64);
  check_attention<LongAttention>(texts, 700, 700);
}

TEST_CASE("large scores do not overflow, and NaN stays in its text") {
  Texts<c10::Half> texts{{20, 30}, {20, 30}, 1, 64};
  for (auto& element : texts.query.all()) element = static_cast<float>(element) * 40;
  check_attention<ShortAttention>(texts, 30, 30);
  check_attention<LongAttention>(texts, 30, 30);

  texts.key_value[64] = std::numeric_limits<float>::quiet_NaN();  // the first key of the first text
  const auto check = [&](auto work, const GuardedArray<c10::Half>& output) {
    launch(work, Element::float16, nullptr);
    const auto is_nan = [](c10::Half value) { return std::isnan(static_cast<float>(value)); };
    CHECK(std::all_of(output.data(), output.data() + 20 * 64, is_nan));
    CHECK(std::none_of(output.data() + 20 * 64, output.data() + 50 * 64, is_nan));
  };
  GuardedArray<c10::Half> output(texts.output_size()), other(texts.output_size());
  check(ShortAttention{texts.work(output, 30, 30)}, output);
  check(LongAttention{texts.work(other, 30, 30)}, other);
}

TEST_CASE("no texts are no work") {
  launch(ShortAttention{}, Element::float16, nullptr);
  launch(LongAttention{}, Element::bfloat16, nullptr);
}
