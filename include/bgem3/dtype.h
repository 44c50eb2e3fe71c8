#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// What the large matrices of a model are held and multiplied in. Norms, softmax, sums and all results are float32.
enum class Dtype {
  automatic,    ///< float32 on the CPU, float16 on CUDA
  float32,      ///< equal to the reference
  float16,      ///< CUDA only
  bfloat16,     ///< on the CPU only where it has instructions for it (AVX512-BF16, which comes with AMX, too)
  int8,         ///< CPU only, where it has VNNI: weights scaled by output, activations by token
  float8,       ///< CUDA only, on Hopper: e4m3, scaled in the same way; what lies between products is bfloat16
  float8_fast,  ///< float8 with fast accumulation: sums of products keep fewer bits than float32 has
};

namespace detail {
inline constexpr std::pair<Dtype, std::string_view> names_of_dtypes[] = {
    {Dtype::automatic, "auto"},         {Dtype::float32, "float32"}, {Dtype::float16, "float16"},
    {Dtype::bfloat16, "bfloat16"},      {Dtype::int8, "int8"},       {Dtype::float8, "float8"},
    {Dtype::float8_fast, "float8_fast"}};
}  // namespace detail

/// As the enumerator is called; "auto" for automatic.
BGEM3_API std::string_view to_string(Dtype dtype) noexcept;

/// All of these names, "auto" first.
BGEM3_API std::vector<std::string> dtype_names();

/// The other way round; "fp32", "fp16", "bf16", "fp8" are understood as well.
/// @throws Error invalid_argument that lists what is known
BGEM3_API Dtype parse_dtype(std::string_view name);

/// Whether this processor has the instructions to compute in `dtype`.
BGEM3_API bool processor_has(Dtype dtype) noexcept;

/// Whether there are GPUs that compute in `dtype`.
BGEM3_API bool is_for_cuda(Dtype dtype) noexcept;

}  // namespace bgem3
