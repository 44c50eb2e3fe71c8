#include "kernels/cuda/product.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace bgem3::cuda {
namespace {

using Algorithm = cublasLtMatmulAlgo_t;

// Below, the first suggestion was as fast as any on an H100.
constexpr std::int64_t tuned_rows_min = 2048;
// Products of so many rows, rounded up, share a choice.
constexpr std::int64_t rows_step = 512;

void check(cublasStatus_t status, const char* what) {
  TORCH_CHECK(status == CUBLAS_STATUS_SUCCESS, what, ": ", cublasLtGetStatusString(status));
}

// A product as cuBLASLt sees it: it counts by columns, so output and input have a column for each of our rows.
class Product {
 public:
  Product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& output,
          bool gelu)
      : handle_(at::cuda::getCurrentCUDABlasLtHandle()),
        input_(input.const_data_ptr()),
        weight_(weight.const_data_ptr()),
        output_(output.mutable_data_ptr()) {
    const auto type = input.scalar_type() == at::kHalf ? CUDA_R_16F : CUDA_R_16BF;
    const auto inputs = static_cast<std::uint64_t>(weight.size(1)),
               outputs = static_cast<std::uint64_t>(weight.size(0));
    const auto rows = static_cast<std::uint64_t>(input.size(0));
    check(cublasLtMatmulDescInit(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescInit");
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, gelu ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.const_data_ptr());
    const auto layout = [&](cublasLtMatrixLayoutOpaque_t& matrix, std::uint64_t height, std::uint64_t width) {
      check(cublasLtMatrixLayoutInit(&matrix, type, height, width, static_cast<std::int64_t>(height)),
            "cublasLtMatrixLayoutInit");
    };
    layout(weight_layout_, inputs, outputs);
    layout(input_layout_, inputs, rows);
    layout(output_layout_, outputs, rows);
  }

  // Those that sum in float32 and need no workspace: a choice does not depend on how much there is.
  [[nodiscard]] std::vector<Algorithm> suggestions() {
    cublasLtMatmulPreferenceOpaque_t preference;
    check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
    const std::uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    check(cublasLtMatmulPreferenceSetAttribute(&preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums,
                                               sizeof sums),
          "cublasLtMatmulPreferenceSetAttribute");
    constexpr std::size_t most = 8;
    std::array<cublasLtMatmulHeuristicResult_t, most> found{};
    int count = 0;
    const auto status =
        cublasLtMatmulAlgoGetHeuristic(handle_, &operation_, &weight_layout_, &input_layout_, &output_layout_,
                                       &output_layout_, &preference, static_cast<int>(most), found.data(), &count);
    std::vector<Algorithm> algorithms;
    if (status != CUBLAS_STATUS_SUCCESS) return algorithms;
    for (int i = 0; i < count; ++i) {
      const auto& each = found[static_cast<std::size_t>(i)];
      if (each.state == CUBLAS_STATUS_SUCCESS) algorithms.push_back(each.algo);
    }
    return algorithms;
  }

  // False where the algorithm does not take these sizes.
  bool run(const Algorithm& algorithm, cudaStream_t stream) {
    const float one = 1, zero = 0;
    return cublasLtMatmul(handle_, &operation_, &one, weight_, &weight_layout_, input_, &input_layout_, &zero, output_,
                          &output_layout_, output_, &output_layout_, &algorithm, nullptr, 0,
                          stream) == CUBLAS_STATUS_SUCCESS;
  }

 private:
  template <typename Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    check(cublasLtMatmulDescSetAttribute(&operation_, attribute, static_cast<const void*>(&value), sizeof value),
          "cublasLtMatmulDescSetAttribute");
  }

  cublasLtHandle_t handle_;
  cublasLtMatmulDescOpaque_t operation_{};
  cublasLtMatrixLayoutOpaque_t weight_layout_{}, input_layout_{}, output_layout_{};
  const void* input_;
  const void* weight_;
  void* output_;
};

// Time between two places of a stream.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    C10_CUDA_CHECK(cudaEventCreate(&begin_));
    C10_CUDA_CHECK(cudaEventCreate(&end_));
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    (void)cudaEventDestroy(begin_);
    (void)cudaEventDestroy(end_);
  }

  void start() { C10_CUDA_CHECK(cudaEventRecord(begin_, stream_)); }
  float stop() {
    float milliseconds = 0;
    C10_CUDA_CHECK(cudaEventRecord(end_, stream_));
    C10_CUDA_CHECK(cudaEventSynchronize(end_));
    C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return milliseconds;
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

// The fastest of what is suggested. Rounds take turns, and of each algorithm the shortest time counts, because clocks
// change and other streams may be busy. Another than the first has to be clearly faster.
std::optional<Algorithm> choose(Product& product, cudaStream_t stream) {
  constexpr int rounds = 4;  // the first of them loads the kernels
  constexpr float clearly = 0.98F;
  const std::vector<Algorithm> algorithms = product.suggestions();
  std::vector<float> times(algorithms.size(), std::numeric_limits<float>::infinity());
  Stopwatch watch(stream);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      watch.start();
      if (!product.run(algorithms[i], stream)) continue;
      times[i] = std::min(times[i], watch.stop());
    }
  }
  if (algorithms.empty()) return std::nullopt;
  const auto best = static_cast<std::size_t>(std::min_element(times.begin(), times.end()) - times.begin());
  return algorithms[times[best] < clearly * times[0] ? best : 0];
}

// Device, dtype, rows in steps, inputs, outputs, whether GELU follows.
using Sizes = std::tuple<c10::DeviceIndex, at::ScalarType, std::int64_t, std::int64_t, std::int64_t, bool>;

// What was chosen for which sizes, for the process. Nothing where nothing is suggested, and for sizes beyond the limit.
std::optional<Algorithm> choice_for(const Sizes& sizes, Product& product, cudaStream_t stream) {
  constexpr std::size_t choices_max = 4096;
  static std::mutex mutex;
  static std::map<Sizes, std::optional<Algorithm>> choices;
  const std::lock_guard lock(mutex);
  if (const auto known = choices.find(sizes); known != choices.end()) return known->second;
  if (choices.size() >= choices_max) return std::nullopt;
  return choices.emplace(sizes, choose(product, stream)).first->second;
}

// LibTorch's.
at::Tensor plain_product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, bool gelu) {
  if (!gelu) return at::linear(input, weight, bias);
  if (input.scalar_type() == at::kFloat) return at::gelu(at::linear(input, weight, bias), "tanh");
  return at::_addmm_activation(bias, input, weight.t(), 1, 1, /*use_gelu=*/true);
}

// As LibTorch allocates; a suggestion may count on it.
bool is_whole(const at::Tensor& tensor) {
  constexpr std::uintptr_t alignment = 256;
  return tensor.is_contiguous() && reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % alignment == 0;
}

bool is_tuned(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  const auto dtype = input.scalar_type();
  return input.size(0) >= tuned_rows_min && (dtype == at::kHalf || dtype == at::kBFloat16) && is_whole(input) &&
         is_whole(weight) && is_whole(bias) && !at::globalContext().deterministicAlgorithms();
}

}  // namespace

at::Tensor product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, bool gelu) {
  TORCH_CHECK(input.dim() == 2 && weight.dim() == 2 && input.size(1) == weight.size(1),
              "expected input [N, in] and weight [out, in], found ", input.sizes(), " and ", weight.sizes());
  TORCH_CHECK(bias.dim() == 1 && bias.size(0) == weight.size(0), "bias: expected [", weight.size(0), "], found ",
              bias.sizes());
  TORCH_CHECK(weight.scalar_type() == input.scalar_type() && bias.scalar_type() == input.scalar_type(),
              "expected one dtype, found ", input.scalar_type(), ", ", weight.scalar_type(), ", ", bias.scalar_type());
  if (!is_tuned(input, weight, bias)) return plain_product(input, weight, bias, gelu);
  const c10::cuda::CUDAGuard guard(input.device());
  const auto stream = c10::cuda::getCurrentCUDAStream();
  at::Tensor output = at::empty({input.size(0), weight.size(0)}, input.options());
  Product work(input, weight, bias, output, gelu);
  const Sizes sizes{input.device().index(), input.scalar_type(), (input.size(0) + rows_step - 1) / rows_step,
                    weight.size(1),         weight.size(0),      gelu};
  const auto algorithm = choice_for(sizes, work, stream);
  if (!algorithm || !work.run(*algorithm, stream)) return plain_product(input, weight, bias, gelu);
  return output;
}

}  // namespace bgem3::cuda
