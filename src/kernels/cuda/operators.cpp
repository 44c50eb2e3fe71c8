// The kernels as operators of LibTorch. Loading this library registers them; include/bgem3/kernels/cuda_ops.h finds
// them by name, so that the building blocks need not be linked to CUDA.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/product.h"

namespace bgem3::cuda {
namespace {

Element element_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat: return Element::float32;
    case at::kHalf: return Element::float16;
    case at::kBFloat16: return Element::bfloat16;
    default: TORCH_CHECK(false, "expected float32, float16 or bfloat16, found ", dtype);
  }
}

// The kernels trust their pointers; everything about them is checked here.
void expect(const at::Tensor& tensor, const char* name, at::IntArrayRef shape, at::ScalarType dtype,
            const at::Tensor& beside) {
  TORCH_CHECK(tensor.sizes() == shape, name, ": expected shape ", shape, ", found ", tensor.sizes());
  TORCH_CHECK(tensor.scalar_type() == dtype, name, ": expected ", dtype, ", found ", tensor.scalar_type());
  TORCH_CHECK(tensor.device() == beside.device(), name, ": expected on ", beside.device(), ", found on ",
              tensor.device());
  TORCH_CHECK(tensor.is_contiguous(), name, ": expected contiguous");
}

// Checks what an addition and a layer norm are given. The result goes to `output`, which has the shape of `hidden`.
AddLayerNorm describe_add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual, const at::Tensor& weight,
                                     const at::Tensor& bias, double eps, const at::Tensor& output) {
  const int64_t rows = hidden.size(0), size = hidden.size(1);
  const auto dtype = hidden.scalar_type();
  expect(hidden, "hidden", {rows, size}, dtype, hidden);
  expect(residual, "residual", {rows, size}, dtype, hidden);
  expect(weight, "weight", {size}, at::kFloat, hidden);
  expect(bias, "bias", {size}, at::kFloat, hidden);
  return {.hidden = hidden.const_data_ptr(),
          .residual = residual.const_data_ptr(),
          .weight = weight.const_data_ptr<float>(),
          .bias = bias.const_data_ptr<float>(),
          .output = output.mutable_data_ptr(),
          .rows = rows,
          .size = static_cast<int>(size),
          .eps = static_cast<float>(eps)};
}

at::Tensor add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual, const at::Tensor& weight,
                          const at::Tensor& bias, double eps) {
  TORCH_CHECK(hidden.dim() == 2, "hidden: expected [N, D], found ", hidden.sizes());
  const c10::cuda::CUDAGuard guard(hidden.device());
  at::Tensor output = at::empty(hidden.sizes(), hidden.options());
  launch(describe_add_layer_norm(hidden, residual, weight, bias, eps, output), element_of(hidden.scalar_type()),
         c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return output;
}

// Rows [N, D] in e4m3 and their scales, to be filled.
struct Float8Tensors {
  at::Tensor values, scale;

  explicit Float8Tensors(const at::Tensor& like)
      : values(at::empty(like.sizes(), like.options().dtype(at::kFloat8_e4m3fn))),
        scale(at::empty({like.size(0), 1}, like.options().dtype(at::kFloat))) {}

  [[nodiscard]] Float8Rows rows() const { return {values.mutable_data_ptr(), scale.mutable_data_ptr<float>()}; }
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> add_layer_norm_quantize(const at::Tensor& hidden,
                                                                       const at::Tensor& residual,
                                                                       const at::Tensor& weight, const at::Tensor& bias,
                                                                       double eps) {
  TORCH_CHECK(hidden.dim() == 2, "hidden: expected [N, D], found ", hidden.sizes());
  const c10::cuda::CUDAGuard guard(hidden.device());
  at::Tensor output = at::empty(hidden.sizes(), hidden.options());
  const Float8Tensors float8(output);
  launch(AddLayerNormQuantize{describe_add_layer_norm(hidden, residual, weight, bias, eps, output), float8.rows()},
         element_of(hidden.scalar_type()), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {output, float8.values, float8.scale};
}

at::Tensor embed_layer_norm(const at::Tensor& ids, const at::Tensor& positions, const std::optional<at::Tensor>& types,
                            const at::Tensor& word, const at::Tensor& position, const at::Tensor& token_type,
                            const at::Tensor& weight, const at::Tensor& bias, double eps, at::ScalarType output_dtype) {
  TORCH_CHECK(word.dim() == 2, "word: expected [V, D], found ", word.sizes());
  const c10::cuda::CUDAGuard guard(word.device());
  const int64_t rows = ids.numel(), size = word.size(1);
  const auto dtype = word.scalar_type();
  expect(ids, "ids", {rows}, at::kLong, word);
  expect(positions, "positions", {rows}, at::kLong, word);
  if (types) expect(*types, "types", {rows}, at::kLong, word);
  expect(word, "word", {word.size(0), size}, dtype, word);
  expect(position, "position", {position.size(0), size}, dtype, word);
  expect(token_type, "token_type", {token_type.size(0), size}, dtype, word);
  expect(weight, "weight", {size}, at::kFloat, word);
  expect(bias, "bias", {size}, at::kFloat, word);
  TORCH_CHECK(output_dtype == at::kFloat || output_dtype == dtype, "output_dtype: expected Float or ", dtype,
              ", found ", output_dtype);
  at::Tensor output = at::empty({rows, size}, word.options().dtype(output_dtype));
  launch(EmbedLayerNorm{.ids = ids.const_data_ptr<int64_t>(),
                        .position_ids = positions.const_data_ptr<int64_t>(),
                        .type_ids = types ? types->const_data_ptr<int64_t>() : nullptr,
                        .word = word.const_data_ptr(),
                        .position = position.const_data_ptr(),
                        .token_type = token_type.const_data_ptr(),
                        .weight = weight.const_data_ptr<float>(),
                        .bias = bias.const_data_ptr<float>(),
                        .output = output.mutable_data_ptr(),
                        .rows = rows,
                        .size = static_cast<int>(size),
                        .eps = static_cast<float>(eps)},
         element_of(dtype), output_dtype == at::kFloat, c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return output;
}

at::Tensor truncate_normalize(const at::Tensor& hidden, const std::optional<at::Tensor>& index, int64_t size,
                              bool normalize, const at::Tensor& non_finite) {
  TORCH_CHECK(hidden.dim() == 2, "hidden: expected [N, D], found ", hidden.sizes());
  TORCH_CHECK(size >= 1 && size <= hidden.size(1), "size: expected 1 to ", hidden.size(1), ", found ", size);
  const c10::cuda::CUDAGuard guard(hidden.device());
  const int64_t rows = index ? index->numel() : hidden.size(0);
  expect(hidden, "hidden", hidden.sizes(), hidden.scalar_type(), hidden);
  if (index) expect(*index, "index", {rows}, at::kInt, hidden);
  expect(non_finite, "non_finite", {1}, at::kInt, hidden);
  at::Tensor output = at::empty({rows, size}, hidden.options().dtype(at::kFloat));
  launch(TruncateNormalize{.hidden = hidden.const_data_ptr(),
                           .stride = hidden.size(1),
                           .index = index ? index->const_data_ptr<int32_t>() : nullptr,
                           .output = output.mutable_data_ptr<float>(),
                           .non_finite = non_finite.mutable_data_ptr<int32_t>(),
                           .rows = rows,
                           .size = static_cast<int>(size),
                           .normalize = normalize},
         element_of(hidden.scalar_type()), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return output;
}

at::Tensor token_weights(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& non_finite) {
  TORCH_CHECK(hidden.dim() == 2, "hidden: expected [N, D], found ", hidden.sizes());
  const c10::cuda::CUDAGuard guard(hidden.device());
  const int64_t rows = hidden.size(0), size = hidden.size(1);
  expect(hidden, "hidden", {rows, size}, hidden.scalar_type(), hidden);
  expect(weight, "weight", {1, size}, at::kFloat, hidden);
  expect(bias, "bias", {1}, at::kFloat, hidden);
  expect(non_finite, "non_finite", {1}, at::kInt, hidden);
  at::Tensor output = at::empty({rows}, hidden.options().dtype(at::kFloat));
  launch(TokenWeights{.hidden = hidden.const_data_ptr(),
                      .weight = weight.const_data_ptr<float>(),
                      .bias = bias.const_data_ptr<float>(),
                      .output = output.mutable_data_ptr<float>(),
                      .non_finite = non_finite.mutable_data_ptr<int32_t>(),
                      .rows = rows,
                      .size = static_cast<int>(size)},
         element_of(hidden.scalar_type()), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return output;
}

// Work: QuantizeRows or GeluQuantizeRows.
template <typename Work>
std::tuple<at::Tensor, at::Tensor> quantize(const at::Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2, "rows: expected [N, D], found ", rows.sizes());
  const c10::cuda::CUDAGuard guard(rows.device());
  expect(rows, "rows", rows.sizes(), rows.scalar_type(), rows);
  const Float8Tensors float8(rows);
  Work work;
  static_cast<Float8Rows&>(work) = float8.rows();
  work.input = rows.const_data_ptr();
  work.rows = rows.size(0);
  work.size = static_cast<int>(rows.size(1));
  launch(work, element_of(rows.scalar_type()), c10::cuda::getCurrentCUDAStream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {float8.values, float8.scale};
}

}  // namespace
}  // namespace bgem3::cuda

TORCH_LIBRARY(bgem3, library) {
  library.def("add_layer_norm(Tensor hidden, Tensor residual, Tensor weight, Tensor bias, float eps) -> Tensor");
  library.def(
      "add_layer_norm_quantize(Tensor hidden, Tensor residual, Tensor weight, Tensor bias, float eps) -> "
      "(Tensor output, Tensor values, Tensor scale)");
  library.def(
      "embed_layer_norm(Tensor ids, Tensor positions, Tensor? types, Tensor word, Tensor position, Tensor token_type, "
      "Tensor weight, Tensor bias, float eps, ScalarType output_dtype) -> Tensor");
  library.def(
      "varlen_attention(Tensor query, Tensor query_offsets, int query_max, Tensor key, Tensor value, "
      "Tensor key_offsets, int key_max, str kernel) -> Tensor");
  library.def(
      "truncate_normalize(Tensor hidden, Tensor? index, int size, bool normalize, Tensor(a!) non_finite) -> Tensor");
  library.def("token_weights(Tensor hidden, Tensor weight, Tensor bias, Tensor(a!) non_finite) -> Tensor");
  library.def("product(Tensor input, Tensor weight, Tensor bias, bool gelu) -> Tensor");
  library.def("quantize_rows(Tensor rows) -> (Tensor values, Tensor scale)");
  library.def("gelu_quantize_rows(Tensor rows) -> (Tensor values, Tensor scale)");
}

TORCH_LIBRARY_IMPL(bgem3, CUDA, library) {
  library.impl("add_layer_norm", bgem3::cuda::add_layer_norm);
  library.impl("add_layer_norm_quantize", bgem3::cuda::add_layer_norm_quantize);
  library.impl("embed_layer_norm", bgem3::cuda::embed_layer_norm);
  library.impl("varlen_attention", bgem3::cuda::varlen_attention);
  library.impl("truncate_normalize", bgem3::cuda::truncate_normalize);
  library.impl("token_weights", bgem3::cuda::token_weights);
  library.impl("product", bgem3::cuda::product);
  library.impl("quantize_rows", bgem3::cuda::quantize<bgem3::cuda::QuantizeRows>);
  library.impl("gelu_quantize_rows", bgem3::cuda::quantize<bgem3::cuda::GeluQuantizeRows>);
}
