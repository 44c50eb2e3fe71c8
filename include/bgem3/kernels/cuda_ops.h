#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include "bgem3/error.h"

namespace bgem3::detail {

/// Set by tests, which register the operators below for tensors on the CPU.
inline constinit thread_local bool emulates_gpu = false;

/// Whether the operators below compute with a tensor like this.
inline bool on_gpu(const at::Tensor& tensor) { return tensor.is_cuda() || emulates_gpu; }

/// The operators of libbgem3_cuda, which has to be loaded: Embedder::load does that for a CUDA device, and
/// cuda_devices(). All tensors are on one device; the work is queued on its current stream. What does not fit together
/// is refused with c10::Error.
class CudaOps {
 public:
  /// @throws Error invalid_argument when libbgem3_cuda is not loaded
  static const CudaOps& get() {
    static const CudaOps ops;
    return ops;
  }

  /// layer_norm(hidden + residual), [N, D] of any of the three dtypes, statistics, weight and bias [D] in float32.
  [[nodiscard]] at::Tensor add_layer_norm(const at::Tensor& hidden, const at::Tensor& residual,
                                          const at::Tensor& weight, const at::Tensor& bias, double eps) const {
    return add_layer_norm_.call(hidden, residual, weight, bias, eps);
  }

  /// add_layer_norm(), and its result in e4m3 → hidden states [N, D], values [N, D], scales [N, 1].
  [[nodiscard]] std::tuple<at::Tensor, at::Tensor, at::Tensor> add_layer_norm_quantize(const at::Tensor& hidden,
                                                                                       const at::Tensor& residual,
                                                                                       const at::Tensor& weight,
                                                                                       const at::Tensor& bias,
                                                                                       double eps) const {
    return add_layer_norm_quantize_.call(hidden, residual, weight, bias, eps);
  }

  /// layer_norm(word[ids] + position[positions] + token_type[types]): ids, positions and types [N] int64, tables
  /// [any, D], weight and bias [D] float32 → [N, D] of `dtype`, that of the tables or float32. Without types, all are
  /// 0.
  [[nodiscard]] at::Tensor embed_layer_norm(const at::Tensor& ids, const at::Tensor& positions,
                                            const std::optional<at::Tensor>& types, const at::Tensor& word,
                                            const at::Tensor& position, const at::Tensor& token_type,
                                            const at::Tensor& weight, const at::Tensor& bias, double eps,
                                            at::ScalarType dtype) const {
    return embed_layer_norm_.call(ids, positions, types, word, position, token_type, weight, bias, eps, dtype);
  }

  /// Softmax attention inside each of B texts: query [Nq, H, d], key and value [N, H, d], whose rows may lie apart,
  /// offsets [B + 1] int32, the most rows of one text → [Nq, H, d]. `kernel`: "short", "long", "flash",
  /// "efficient" or "auto".
  [[nodiscard]] at::Tensor varlen_attention(const at::Tensor& query, const at::Tensor& query_offsets, int64_t query_max,
                                            const at::Tensor& key, const at::Tensor& value,
                                            const at::Tensor& key_offsets, int64_t key_max,
                                            std::string_view kernel = "auto") const {
    return varlen_attention_.call(query, query_offsets, query_max, key, value, key_offsets, key_max, kernel);
  }

  /// input [N, in] · weight [out, in]ᵀ + bias [out], all of one dtype → [N, out]; then the tanh GELU if asked.
  [[nodiscard]] at::Tensor product(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                                   bool gelu) const {
    return product_.call(input, weight, bias, gelu);
  }

  /// The first `size` components of rows of hidden [N, D], all or those of `index` [n] int32, L2-normalised if asked →
  /// float32 [n, size]. Sets non_finite [1] int32 to 1 when one of them has NaN or infinity.
  [[nodiscard]] at::Tensor truncate_normalize(const at::Tensor& hidden, const std::optional<at::Tensor>& index,
                                              int64_t size, bool normalize, const at::Tensor& non_finite) const {
    return truncate_normalize_.call(hidden, index, size, normalize, non_finite);
  }

  /// relu(hidden · weight + bias): hidden [N, D], weight [1, D] and bias [1] float32 → float32 [N]; non_finite as
  /// above.
  [[nodiscard]] at::Tensor token_weights(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias,
                                         const at::Tensor& non_finite) const {
    return token_weights_.call(hidden, weight, bias, non_finite);
  }

  /// Each row of rows [N, D] in e4m3 → values [N, D] and scales [N, 1]: detail::quantize_rows().
  [[nodiscard]] std::tuple<at::Tensor, at::Tensor> quantize_rows(const at::Tensor& rows) const {
    return quantize_rows_.call(rows);
  }

  /// quantize_rows() of the erf GELU of rows [N, D].
  [[nodiscard]] std::tuple<at::Tensor, at::Tensor> gelu_quantize_rows(const at::Tensor& rows) const {
    return gelu_quantize_rows_.call(rows);
  }

 private:
  using T = at::Tensor;
  using AddLayerNorm = T(const T&, const T&, const T&, const T&, double);
  using AddLayerNormQuantize = std::tuple<T, T, T>(const T&, const T&, const T&, const T&, double);
  using EmbedLayerNorm = T(const T&, const T&, const std::optional<T>&, const T&, const T&, const T&, const T&,
                           const T&, double, at::ScalarType);
  using VarlenAttention = T(const T&, const T&, int64_t, const T&, const T&, const T&, int64_t, std::string_view);
  using Product = T(const T&, const T&, const T&, bool);
  using TruncateNormalize = T(const T&, const std::optional<T>&, int64_t, bool, const T&);
  using TokenWeights = T(const T&, const T&, const T&, const T&);
  using QuantizeRows = std::tuple<T, T>(const T&);

  CudaOps() = default;

  template <typename Signature>
  static c10::TypedOperatorHandle<Signature> look_up(const char* name) {
    const auto found = c10::Dispatcher::singleton().findSchema({name, ""});
    if (!found) {
      throw Error(ErrorCode::invalid_argument,
                  c10::str("operator ", name, " is missing: computing on a CUDA device needs libbgem3_cuda; load it ",
                           "with bgem3::cuda_devices() first"));
    }
    return found->typed<Signature>();
  }

  c10::TypedOperatorHandle<AddLayerNorm> add_layer_norm_ = look_up<AddLayerNorm>("bgem3::add_layer_norm");
  c10::TypedOperatorHandle<AddLayerNormQuantize> add_layer_norm_quantize_ =
      look_up<AddLayerNormQuantize>("bgem3::add_layer_norm_quantize");
  c10::TypedOperatorHandle<EmbedLayerNorm> embed_layer_norm_ = look_up<EmbedLayerNorm>("bgem3::embed_layer_norm");
  c10::TypedOperatorHandle<VarlenAttention> varlen_attention_ = look_up<VarlenAttention>("bgem3::varlen_attention");
  c10::TypedOperatorHandle<Product> product_ = look_up<Product>("bgem3::product");
  c10::TypedOperatorHandle<TruncateNormalize> truncate_normalize_ =
      look_up<TruncateNormalize>("bgem3::truncate_normalize");
  c10::TypedOperatorHandle<TokenWeights> token_weights_ = look_up<TokenWeights>("bgem3::token_weights");
  c10::TypedOperatorHandle<QuantizeRows> quantize_rows_ = look_up<QuantizeRows>("bgem3::quantize_rows");
  c10::TypedOperatorHandle<QuantizeRows> gelu_quantize_rows_ = look_up<QuantizeRows>("bgem3::gelu_quantize_rows");
};

}  // namespace bgem3::detail
