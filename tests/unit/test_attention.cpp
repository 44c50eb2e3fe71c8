#include "support/doctest_torch.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "bgem3/dtype.h"
#include "bgem3/layers/attention.h"
#include "bgem3/layers/pooling.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/processor.h"

using namespace bgem3;

namespace {

PackedBatch batch_of(const std::vector<std::int32_t>& lengths) {
  PackedBatch batch;
  batch.offsets.push_back(0);
  for (const auto length : lengths) batch.offsets.push_back(batch.offsets.back() + length);
  return batch;
}

// What a relative bias [H, 2 L - 1] adds in a text of n tokens, [H, n, n].
at::Tensor biases_of_text(const at::Tensor& bias, int64_t n) {
  std::vector<int64_t> columns;
  for (int64_t query = 0; query < n; ++query) {
    for (int64_t key = 0; key < n; ++key) columns.push_back(bias.size(1) / 2 + query - key);
  }
  return bias.index_select(1, at::tensor(columns)).view({bias.size(0), n, n});
}

// The formula, in double precision, for a text's rows [n, H, d].
at::Tensor reference(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const at::Tensor& bias = {}) {
  const auto by_head = [](const at::Tensor& rows) { return rows.to(at::kDouble).transpose(0, 1); };
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(2)));
  at::Tensor scores = at::matmul(by_head(query), by_head(key).transpose(1, 2)).mul_(scale);
  if (bias.defined()) scores.add_(biases_of_text(bias, query.size(0)));
  return at::matmul(scores.softmax(-1), by_head(value)).transpose(0, 1);
}

struct Case {
  std::vector<std::int32_t> lengths;
  int64_t heads;
  int64_t head_size;
};

// Around the sizes of tiles, blocks and words; one text, several, equal and unequal.
const std::vector<Case> cases{{{1}, 1, 1},          {{2, 1}, 2, 8},      {{7, 7, 7}, 3, 13},         {{16, 15}, 2, 16},
                              {{17, 33, 3}, 2, 32}, {{48, 49}, 1, 64},   {{127, 128, 129}, 2, 64},   {{300, 5}, 2, 65},
                              {{513}, 1, 64},       {{97, 96}, 16, 128}, {{1, 1, 1, 1, 1, 2}, 4, 24}};

void check(const Case& sizes, at::ScalarType dtype, double tolerance, const at::Tensor& bias = {}) {
  const PackedBatch batch = batch_of(sizes.lengths);
  const auto rows = [&] { return at::randn({batch.tokens(), sizes.heads, sizes.head_size}).to(dtype); };
  const at::Tensor query = rows();
  // As bert::project has it: rows apart, keys and values in one tensor.
  const at::Tensor both = at::randn({batch.tokens(), 2 * sizes.heads, sizes.head_size}).to(dtype);
  const at::Tensor keys = both.narrow(1, 0, sizes.heads), values = both.narrow(1, sizes.heads, sizes.heads);
  const at::Tensor found = packed_attention(query, keys, values, batch, bias);
  const at::Tensor first = first_token_attention(first_tokens(query, batch), keys, values, batch, bias);
  CHECK((found.scalar_type() == dtype));
  for (int64_t text = 0; text < batch.texts(); ++text) {
    const auto of_text = [&](const at::Tensor& all) { return all.narrow(0, batch.begin(text), batch.length(text)); };
    const at::Tensor expected = reference(of_text(query), of_text(keys), of_text(values), bias);
    CHECK(of_text(found).sub(expected).abs().max().item<double>() < tolerance);
    CHECK(first[text].sub(expected[0]).abs().max().item<double>() < tolerance);
  }
}

}  // namespace

TEST_CASE("attention equals the formula at odd sizes") {
  for (const auto& sizes : cases) {
    CAPTURE(sizes.lengths.size());
    CAPTURE(sizes.lengths.front());
    CAPTURE(sizes.head_size);
    check(sizes, at::kFloat, 1e-5);
    // Rounded: the numbers given, the probabilities, the result.
    if (processor_has(Dtype::bfloat16)) check(sizes, at::kBFloat16, 0.04);
  }
}

TEST_CASE("a relative bias is added to the scores at odd sizes") {
  for (const auto& sizes : cases) {
    CAPTURE(sizes.lengths.front());
    CAPTURE(sizes.head_size);
    // Of the longest text, or of longer ones.
    const int64_t positions = *std::ranges::max_element(sizes.lengths) + 15 * (sizes.heads - 1);
    const at::Tensor bias = at::randn({sizes.heads, 2 * positions - 1}).mul_(2);
    check(sizes, at::kFloat, 1e-5, bias);
    check(sizes, at::kDouble, 1e-6, bias);  // by LibTorch
    if (processor_has(Dtype::bfloat16)) check(sizes, at::kBFloat16, 0.04, bias);
  }
}

// Long texts are cut into parts, each with the biases of its own queries.
TEST_CASE("a relative bias is that of the query's position in each part of a long text") {
  const PackedBatch batch = batch_of({1, 900});
  const at::Tensor query = at::randn({901, 1, 8}), key = at::randn({901, 1, 8}), value = at::randn({901, 1, 8});
  const at::Tensor distances = at::arange(-899, 900, at::kFloat);
  const at::Tensor bias = distances.abs().mul_(-50).unsqueeze(0);  // no token sees its neighbours
  CHECK(packed_attention(query, key, value, batch, bias).sub(value).abs().max().item<double>() < 1e-5);
}

TEST_CASE("a relative bias of other sizes is refused") {
  const PackedBatch batch = batch_of({5, 9});
  const at::Tensor rows = at::randn({14, 2, 8});
  const auto run = [&](const at::Tensor& bias) { (void)packed_attention(rows, rows, rows, batch, bias); };
  CHECK_NOTHROW(run(at::randn({2, 17})));
  for (const auto& bias : {at::randn({2, 15}), at::randn({2, 18}), at::randn({3, 17}), at::randn({17})}) {
    CHECK_THROWS_AS(run(bias), c10::Error);
  }
  CHECK_THROWS_AS(run(at::randn({2, 17}).to(at::kDouble)), c10::Error);
  CHECK_THROWS_AS(run(at::randn({17, 2}).t()), c10::Error);
}

// Only one set is taken by a processor, the widest; the others have to be right as well.
TEST_CASE("attention with AVX2 equals that with AVX-512") {
#if defined(__x86_64__)
  if (cpu::instruction_set() != cpu::InstructionSet::avx512) {
    MESSAGE("this processor has no AVX-512");
    return;
  }
  for (const auto& sizes : cases) {
    CAPTURE(sizes.lengths.front());
    CAPTURE(sizes.head_size);
    const int64_t keys = sizes.lengths.front(), queries = (keys + 1) / 2, size = sizes.head_size;
    const at::Tensor query = at::randn({queries, size}), key = at::randn({keys, size}), value = at::randn({keys, size});
    const at::Tensor bias = at::randn({2 * keys - 1});
    const auto run = [&](const cpu::AttentionKernel& kernel) {
      at::Tensor context = at::empty_like(query);
      const at::Tensor scratch = at::empty({kernel.scratch_bytes(keys, size)}, at::kByte);
      kernel.run({query.const_data_ptr(), key.const_data_ptr(), value.const_data_ptr(), context.mutable_data_ptr(),
                  queries, keys, size, size, size, size, 0.3F, bias.const_data_ptr<float>() + keys - 1},
                 scratch.mutable_data_ptr());
      return context;
    };
    const at::Tensor difference = run(cpu::attention_float32_avx2).sub(run(cpu::attention_float32_avx512));
    CHECK(difference.abs().max().item<double>() < 1e-5);
  }
#endif
}

TEST_CASE("attention with scores far apart") {
  const PackedBatch batch = batch_of({200});
  at::Tensor query = at::randn({200, 1, 16}).mul_(50), key = at::randn({200, 1, 16}).mul_(50);
  const at::Tensor value = at::randn({200, 1, 16});
  const at::Tensor expected = reference(query, key, value);
  // Numbers as large as these scores have steps of a thousandth, and how the reference rounds depends on where its
  // tensors lie in memory.
  CHECK(packed_attention(query, key, value, batch).sub(expected).abs().max().item<double>() < 4e-3);
  // A single key takes everything.
  key.zero_();
  key[77].copy_(query[0]);
  CHECK(packed_attention(query, key, value, batch)[0].sub(value[77]).abs().max().item<double>() < 1e-6);
}

TEST_CASE("what is not a number stays one, within its text and head") {
  const PackedBatch batch = batch_of({5, 40, 3});
  const auto count = [](const at::Tensor& rows) { return rows.isfinite().logical_not().sum().item<int64_t>(); };
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    if (dtype == at::kBFloat16 && !processor_has(Dtype::bfloat16)) continue;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      for (int which = 0; which < 3; ++which) {
        CAPTURE(bad);
        CAPTURE(which);
        at::Tensor inputs[3];
        for (auto& input : inputs) input = at::randn({batch.tokens(), 2, 24}).to(dtype);
        inputs[which][11][1][3].fill_(bad);
        const at::Tensor found = packed_attention(inputs[0], inputs[1], inputs[2], batch);
        const at::Tensor touched = found.narrow(0, 5, 40).select(1, 1);
        CHECK(count(touched) > 0);
        CHECK(count(found) == count(touched));
        if (which == 0) CHECK(count(touched[6]) == 24);
      }
    }
  }
}
