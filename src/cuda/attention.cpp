#include "cuda/attention.h"

#include <ATen/ops/_cudnn_attention_forward.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

namespace bgem3::cuda {
namespace {

int compute_capability(at::Device device) {
  int major = 0, minor = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()));
  return major * 10 + minor;
}

// Flash attention is written for tensor cores of Ampere and later, for heads of whole 16 bytes up to 256 elements.
bool flash_takes(const at::Tensor& query) {
  const int64_t head_size = query.size(2);
  return query.scalar_type() != at::kFloat && head_size % 8 == 0 && head_size <= 256 &&
         compute_capability(query.device()) >= 80;
}

}  // namespace

at::Tensor varlen_attention(const at::Tensor& query, const at::Tensor& query_offsets, int64_t query_max,
                            const at::Tensor& key, const at::Tensor& value, const at::Tensor& key_offsets,
                            int64_t key_max, std::string_view kernel) {
  TORCH_CHECK(query.dim() == 3 && key.dim() == 3 && value.sizes() == key.sizes(),
              "attention: expected query [Nq, H, d], key and value [N, H, d], found ", query.sizes(), ", ", key.sizes(),
              ", ", value.sizes());
  const c10::cuda::CUDAGuard guard(query.device());
  if (kernel == "auto") kernel = flash_takes(query) ? "flash" : "efficient";
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
  if (kernel == "cudnn") {
    // Finds a text by its offset times the size of a row: rows must not lie apart.
    return std::get<0>(at::_cudnn_attention_forward(query.contiguous(), key.contiguous(), value.contiguous(),
                                                    /*attn_bias=*/std::nullopt, query_offsets, key_offsets, query_max,
                                                    key_max, /*compute_log_sumexp=*/false));
  }
  TORCH_CHECK(false, "attention: expected kernel auto, flash, efficient or cudnn, found '", kernel, "'");
}

}  // namespace bgem3::cuda
