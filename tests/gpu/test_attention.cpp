#include "support/doctest_torch.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include "bgem3/cuda.h"
#include "bgem3/kernels/cuda_ops.h"
#include "support/row_reference.h"

using namespace bgem3;

namespace {

struct Case {
  std::vector<int> lengths;
  int64_t heads;
  int64_t head_size;
};

const std::vector<Case> cases = {
    {{1}, 1, 64},   {{2, 1}, 4, 32}, {{64, 64, 64}, 16, 64}, {{65, 63, 7}, 2, 8}, {{511, 128, 33, 2}, 4, 64},
    {{1000}, 2, 32}};

// Around the tiles of 16 rows and the numbers of keys that the kernel for short texts is compiled for; heads of which
// one, two or four make a block.
const std::vector<Case> short_cases = {{{1}, 1, 64},         {{2, 1}, 4, 32},       {{16, 15, 1}, 12, 32},
                                       {{17, 16}, 3, 64},    {{32, 31, 2}, 16, 64}, {{33, 5}, 6, 32},
                                       {{64, 49, 1}, 16, 64}};

// Around the 64 queries of a warpgroup, the 192 of a block, the 128 keys of a tile and the three tiles that are kept.
const std::vector<Case> long_cases = {{{1}, 1, 64},           {{64, 63, 2}, 2, 64},          {{65, 128, 129}, 3, 64},
                                      {{192, 193, 7}, 2, 64}, {{384, 385, 511, 512}, 2, 64}, {{2000, 1}, 16, 64}};

const std::vector<Case>& cases_of(const std::string& kernel) {
  return kernel == "short" ? short_cases : kernel == "long" ? long_cases : cases;
}

bool takes(const std::string& kernel, at::ScalarType dtype) {
  if (kernel == "efficient" || kernel == "auto") return true;
  const int capability = cuda_devices()[0].compute_capability;
  return dtype != at::kFloat && (kernel == "long" ? capability == 90 : capability >= 80);
}

at::Tensor offsets_of(const std::vector<int>& lengths) {
  std::vector<int> offsets = {0};
  for (const int length : lengths) offsets.push_back(offsets.back() + length);
  return at::tensor(offsets, at::kInt).to(at::kCUDA);
}

void check(const Case& sizes, const std::string& kernel, at::ScalarType dtype) {
  const at::Tensor offsets = offsets_of(sizes.lengths);
  const int64_t texts = offsets.size(0) - 1, tokens = offsets[texts].item<int>();
  const int64_t longest = *std::max_element(sizes.lengths.begin(), sizes.lengths.end());
  // As self-attention has them: parts of one product, rows apart.
  const at::Tensor all = at::randn({tokens, 3, sizes.heads, sizes.head_size}).to(dtype).to(at::kCUDA);
  const at::Tensor query = all.select(1, 0), key = all.select(1, 1), value = all.select(1, 2);
  const double tolerance = dtype == at::kFloat ? 1e-4 : 2 * test::tolerance(dtype);

  const auto& ops = detail::CudaOps::get();
  const at::Tensor found = ops.varlen_attention(query, offsets, longest, key, value, offsets, longest, kernel);
  CHECK((found.scalar_type() == dtype));
  CHECK(test::difference(found, test::reference_attention(query, offsets, key, value, offsets)) < tolerance);

  const at::Tensor first = query.index_select(0, offsets.narrow(0, 0, texts));
  const at::Tensor one_each = at::arange(texts + 1, offsets.options());
  const at::Tensor of_first = ops.varlen_attention(first, one_each, 1, key, value, offsets, longest, kernel);
  CHECK(test::difference(of_first, test::reference_attention(first, one_each, key, value, offsets)) < tolerance);
}

}  // namespace

TEST_CASE("each kernel of attention equals the formula, where this GPU has it") {
  for (const std::string kernel : {"auto", "short", "long", "flash", "efficient"}) {
    for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      if (!takes(kernel, dtype)) continue;
      for (const auto& sizes : cases_of(kernel)) {
        CAPTURE(kernel);
        CAPTURE(static_cast<int>(dtype));
        CAPTURE(sizes.lengths.front());
        CAPTURE(sizes.head_size);
        check(sizes, kernel, dtype);
      }
    }
  }
}

TEST_CASE("a score of NaN reaches the result, whatever the others are") {
  for (const std::string kernel : {"short", "long", "flash"}) {
    if (!takes(kernel, at::kHalf)) continue;
    for (const int place : {0, 15, 50}) {
      CAPTURE(kernel);
      CAPTURE(place);
      const at::Tensor rows = at::randn({60, 3, 2, 64}).to(at::kHalf).to(at::kCUDA), offsets = offsets_of({60});
      const at::Tensor query = rows.select(1, 0), key = rows.select(1, 1), value = rows.select(1, 2);
      key[place][1][3].fill_(std::numeric_limits<float>::quiet_NaN());
      const at::Tensor found =
          detail::CudaOps::get().varlen_attention(query, offsets, 60, key, value, offsets, 60, kernel);
      CHECK(found.select(1, 0).isfinite().all().item<bool>());
      CHECK(found.select(1, 1).isnan().all().item<bool>());
    }
  }
}

TEST_CASE("what does not fit together is refused, whatever the kernel") {
  const at::Tensor rows = at::randn({8, 2, 64}).to(at::kHalf).to(at::kCUDA), offsets = offsets_of({8});
  const auto attend = [&](const at::Tensor& query, const at::Tensor& key, const at::Tensor& key_offsets) {
    return detail::CudaOps::get().varlen_attention(query, offsets, 8, key, key, key_offsets, 8);
  };
  CHECK(attend(rows, rows, offsets).sizes() == rows.sizes());
  CHECK_THROWS((void)attend(rows, rows.narrow(1, 0, 1), offsets));
  CHECK_THROWS((void)attend(rows, rows.narrow(2, 0, 32), offsets));
  CHECK_THROWS((void)attend(rows, rows.to(at::kBFloat16), offsets));
  CHECK_THROWS((void)attend(rows.to(at::kDouble), rows.to(at::kDouble), offsets));
  CHECK_THROWS((void)attend(rows, rows, offsets_of({4, 4})));
  CHECK_THROWS((void)attend(rows, rows, offsets.to(at::kLong)));
  CHECK_THROWS((void)attend(rows, rows, offsets.to(at::kCPU)));
}

TEST_CASE("an unknown kernel is refused") {
  const at::Tensor rows = at::randn({1, 1, 8}).to(at::kCUDA), offsets = offsets_of({1});
  CHECK_THROWS((void)detail::CudaOps::get().varlen_attention(rows, offsets, 1, rows, rows, offsets, 1, "magic"));
}
