#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/layers/linear.h"
#include "bgem3/layers/pooling.h"
#include "bgem3/tensors/packed_batch.h"

namespace bgem3 {

/// Sees the hidden states [N, D] after the input embedding (layer 0) and after each layer (1 … layers), those of the
/// last as Encoder::forward returns them, a final norm included. An exception thrown here ends the forward pass.
using LayerHook = std::function<void(int64_t layer, const at::Tensor& hidden)>;

/// How a forward pass computes.
struct EncoderOptions {
  explicit EncoderOptions(at::ScalarType between_layers = at::kFloat, LayerHook with_hook = {})
      : hidden_dtype(between_layers), hook(std::move(with_hook)) {}

  at::ScalarType hidden_dtype;  // of the hidden states between layers
  LayerHook hook;
};

/// The encoder of a model with its weights, on one device. Safe to call from many threads once it is packed. Run it
/// under c10::InferenceMode.
class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  virtual ~Encoder() = default;

  /// Token ids of a packed batch → last hidden states [N, D], float32, on the device of the weights.
  [[nodiscard]] virtual at::Tensor forward(const PackedBatch& batch, const EncoderOptions& options) const = 0;

  /// Those of the first token of each text alone, [B, D]. An encoder that needs less for them than for all computes it
  /// here; the hook need not see the last layer.
  [[nodiscard]] virtual at::Tensor forward_first_tokens(const PackedBatch& batch, const EncoderOptions& options) const {
    return first_tokens(forward(batch, options), batch);
  }

  /// Whether a GPU may record the forward pass and replay it for other batches of the same sizes: nothing in it depends
  /// on what is on the host, such as the lengths of texts.
  [[nodiscard]] virtual bool may_be_recorded() const { return false; }

  /// The most bytes that forward() holds for each token, its result included, when hidden states are of that dtype.
  [[nodiscard]] virtual std::int64_t bytes_per_token(at::ScalarType hidden_dtype) const = 0;

  /// The linear layers of each transformer layer, to be packed.
  [[nodiscard]] virtual std::vector<std::vector<Linear*>> linear_layers() = 0;

  /// All other weights: tables and norms.
  [[nodiscard]] virtual std::vector<at::Tensor> other_weights() const = 0;
};

}  // namespace bgem3
