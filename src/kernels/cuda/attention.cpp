#include "kernels/cuda/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "kernels/cuda/kernels.h"

namespace bgem3::cuda {
namespace {

int compute_capability(at::Device device) {
  int major = 0, minor = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()));
  return major * 10 + minor;
}

bool is_half(const at::Tensor& rows) { return rows.scalar_type() == at::kHalf || rows.scalar_type() == at::kBFloat16; }

// Flash attention is written for tensor cores of Ampere and later, for heads of whole 16 bytes up to 256 elements.
bool flash_takes(const at::Tensor& query) {
  const int64_t head_size = query.size(2);
  return is_half(query) && head_size % 8 == 0 && head_size <= 256 && compute_capability(query.device()) >= 80;
}

// Rows of which each head is contiguous and begins at a multiple of 16 bytes.
bool has_aligned_heads(const at::Tensor& rows) {
  constexpr int64_t elements_of_16_bytes = 8;
  return rows.stride(2) == 1 && rows.stride(1) == rows.size(2) && rows.stride(0) % elements_of_16_bytes == 0 &&
         reinterpret_cast<std::uintptr_t>(rows.const_data_ptr()) % 16 == 0;
}

bool is_half_with_aligned_heads(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  return is_half(query) && key.strides() == value.strides() && has_aligned_heads(query) && has_aligned_heads(key) &&
         has_aligned_heads(value);
}

bool short_takes(const at::Tensor& query, int64_t query_max, const at::Tensor& key, const at::Tensor& value,
                 int64_t key_max) {
  const int64_t head_size = query.size(2);
  return (head_size == 32 || head_size == 64) && std::max(query_max, key_max) <= short_attention_keys_max &&
         is_half_with_aligned_heads(query, key, value) && compute_capability(query.device()) >= 80;
}

bool long_takes(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  return query.size(2) == 64 && is_half_with_aligned_heads(query, key, value) &&
         compute_capability(query.device()) == 90;
}

// With a kernel of ours, which is given Work.
template <typename Work>
at::Tensor text_attention(const at::Tensor& query, const at::Tensor& query_offsets, int64_t query_max,
                          const at::Tensor& key, const at::Tensor& value, const at::Tensor& key_offsets,
                          int64_t key_max) {
  const int64_t heads = query.size(1), head_size = query.size(2);
  at::Tensor output = at::empty(query.sizes(), query.options());
  launch(Work{{.query = query.const_data_ptr(),
               .key = key.const_data_ptr(),
               .value = value.const_data_ptr(),
               .query_offsets = query_offsets.const_data_ptr<int32_t>(),
               .key_offsets = key_offsets.const_data_ptr<int32_t>(),
               .output = output.mutable_data_ptr(),
               .query_stride = query.stride(0),
               .key_stride = key.stride(0),
               .texts = static_cast<int>(query_offsets.size(0) - 1),
               .heads = static_cast<int>(heads),
               .head_size = static_cast<int>(head_size),
               .query_max = static_cast<int>(query_max),
               .key_max = static_cast<int>(key_max),
               .factor = static_cast<float>(std::numbers::log2e / std::sqrt(static_cast<double>(head_size)))}},
         query.scalar_type() == at::kHalf ? Element::float16 : Element::bfloat16, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return output;
}

// Measured on an H100, microseconds with 16 heads of 64 in float16 (bench/bench_cuda.cpp, docs/cuda.md):
//
//              64 × 32  1000 × 12  100 × 64  100 × 128  24 × 256  12 × 512  6 × 1024  2 × 8192
//   short           11         48        32
//   long            31        492        59         70        43        53        81      1206
//   flash           27        361        48         59        41        59       100      1762
//   efficient       15        179        28         74        64       113       213      4155
//
// cuDNN's attention is left out: through LibTorch 2.11 it makes a plan for each call, which takes 50 ms.
constexpr int64_t long_keys_min = 257;  // and not for the first token of each text alone, which leaves tiles empty

std::string_view choose_kernel(const at::Tensor& query, int64_t query_max, const at::Tensor& key,
                               const at::Tensor& value, int64_t key_max) {
  if (short_takes(query, query_max, key, value, key_max)) return "short";
  if (query_max > 1 && key_max >= long_keys_min && long_takes(query, key, value)) return "long";
  return flash_takes(query) ? "flash" : "efficient";
}

// Kernels of ours trust their pointers.
void expect_offsets(const at::Tensor& offsets, const char* name, const at::Tensor& rows) {
  TORCH_CHECK(offsets.dim() == 1 && offsets.size(0) >= 1 && offsets.scalar_type() == at::kInt &&
                  offsets.is_contiguous() && offsets.device() == rows.device(),
              "attention: expected ", name, " [B + 1], int32, contiguous, on ", rows.device(), ", found ",
              offsets.sizes(), ", ", offsets.scalar_type(), ", on ", offsets.device());
}

void expect_fitting(const at::Tensor& query, const at::Tensor& query_offsets, const at::Tensor& key,
                    const at::Tensor& value, const at::Tensor& key_offsets) {
  TORCH_CHECK(query.dim() == 3 && key.dim() == 3 && value.sizes() == key.sizes() && key.size(1) == query.size(1) &&
                  key.size(2) == query.size(2),
              "attention: expected query [Nq, H, d], key and value [N, H, d], found ", query.sizes(), ", ", key.sizes(),
              ", ", value.sizes());
  for (const auto* rows : {&key, &value}) {
    TORCH_CHECK(rows->scalar_type() == query.scalar_type() && rows->device() == query.device(),
                "attention: expected key and value in ", query.scalar_type(), " on ", query.device(), ", found ",
                rows->scalar_type(), " on ", rows->device());
  }
  expect_offsets(query_offsets, "query_offsets", query);
  expect_offsets(key_offsets, "key_offsets", query);
  TORCH_CHECK(query_offsets.sizes() == key_offsets.sizes(), "attention: expected offsets of as many texts, found ",
              query_offsets.sizes(), ", ", key_offsets.sizes());
}

}  // namespace

at::Tensor varlen_attention(const at::Tensor& query, const at::Tensor& query_offsets, int64_t query_max,
                            const at::Tensor& key, const at::Tensor& value, const at::Tensor& key_offsets,
                            int64_t key_max, std::string_view kernel) {
  expect_fitting(query, query_offsets, key, value, key_offsets);
  const c10::cuda::CUDAGuard guard(query.device());
  if (kernel == "auto") kernel = choose_kernel(query, query_max, key, value, key_max);
  if (kernel == "short") {
    TORCH_CHECK(short_takes(query, query_max, key, value, key_max), "attention: expected for kernel short at most ",
                short_attention_keys_max,
                " queries and keys in float16 or bfloat16, heads of 32 or 64, compute capability 8.0 or later, found ",
                query_max, " queries, ", key_max, " keys, ", query.scalar_type(), ", ", query.sizes());
    return text_attention<ShortAttention>(query, query_offsets, query_max, key, value, key_offsets, key_max);
  }
  if (kernel == "long") {
    TORCH_CHECK(long_takes(query, key, value),
                "attention: expected for kernel long float16 or bfloat16, heads of 64, compute capability 9.0, found ",
                query.scalar_type(), ", ", query.sizes());
    return text_attention<LongAttention>(query, query_offsets, query_max, key, value, key_offsets, key_max);
  }
  if (kernel == "flash") {
    return std::get<0>(at::_flash_attention_forward(query, key, value, query_offsets, key_offsets, query_max, key_max,
                                                    /*dropout_p=*/0.0, /*is_causal=*/false,
                                                    /*return_debug_mask=*/false));
  }
  if (kernel == "efficient") {
    // Takes packed texts as a batch of one.
    constexpr int64_t no_mask = 0;
    return std::get<0>(at::_efficient_attention_forward(query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0),
                                                        /*bias=*/std::nullopt, query_offsets, key_offsets, query_max,
                                                        key_max, /*dropout_p=*/0.0, no_mask))
        .squeeze(0);
  }
  TORCH_CHECK(false, "attention: expected kernel auto, short, long, flash or efficient, found '", kernel, "'");
}

}  // namespace bgem3::cuda
