#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "bgem3/weights.h"

namespace bgem3::detail {

/// A tensor of a checkpoint where it is computed with. To a GPU it goes in pieces, converted on the way: no second copy
/// of it is made on either side.
inline at::Tensor place(const at::Tensor& tensor, const Placement& placement) {
  const auto options = at::TensorOptions(placement.device).dtype(placement.dtype);
  if (placement.device.is_cpu() || tensor.dim() == 0) return tensor.to(options);
  constexpr int64_t piece_elements = int64_t{8} << 20;
  at::Tensor placed = at::empty(tensor.sizes(), options);
  const int64_t rows = tensor.size(0);
  const int64_t rows_at_once = std::max<int64_t>(1, piece_elements * rows / std::max<int64_t>(1, tensor.numel()));
  for (int64_t begin = 0; begin < rows; begin += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - begin);
    placed.narrow(0, begin, count).copy_(tensor.narrow(0, begin, count));
  }
  return placed;
}

/// Takes tensors out of a checkpoint by name and keeps account of everything that is wrong, for one error at the end,
/// which lists the first 20.
class WeightBinder {
 public:
  WeightBinder(const TensorMap& tensors, std::string prefix, const Placement& placement)
      : tensors_(tensors), prefix_(std::move(prefix)), placement_(placement) {}

  at::Tensor take(const std::string& name, const std::vector<int64_t>& shape) {
    return take(name, shape, placement_.dtype);
  }

  at::Tensor take(const std::string& name, const std::vector<int64_t>& shape, at::ScalarType placed_dtype) {
    const std::string full_name = prefix_ + name;
    const auto found = tensors_.find(full_name);
    if (found == tensors_.end()) {
      note("missing", full_name, c10::str("expected ", at::IntArrayRef(shape)));
      return {};
    }
    taken_.insert(full_name);
    const at::Tensor& tensor = found->second;
    if (!fits(tensor.sizes(), shape)) {
      note("wrong shape", full_name, c10::str("expected ", at::IntArrayRef(shape), ", found ", tensor.sizes()));
      return {};
    }
    const auto dtype = tensor.scalar_type();
    if (dtype != at::kFloat && dtype != at::kHalf && dtype != at::kBFloat16 && dtype != at::kDouble) {
      note("wrong dtype", full_name,
           c10::str("expected float32, float16, bfloat16 or float64, found ", c10::toString(dtype)));
      return {};
    }
    return place(tensor, {placement_.device, placed_dtype});
  }

  Linear linear(const std::string& name, int64_t out, int64_t in) {
    // What is to be rounded to 8 bits is not rounded before.
    const auto dtype = placement_.float8_layers ? at::kFloat : placement_.dtype;
    return {take(name + "weight", {out, in}, dtype), take(name + "bias", {out}, dtype)};
  }

  // Models that came from TensorFlow have other names.
  LayerNorm layer_norm(const std::string& name, int64_t size) {
    const bool is_old = !has(name + "weight") && has(name + "gamma");
    const auto [weight, bias] = is_old ? std::pair("gamma", "beta") : std::pair("weight", "bias");
    return {take(name + weight, {size}, at::kFloat), take(name + bias, {size}, at::kFloat)};
  }

  /// Whether more problems are there than the error will list.
  [[nodiscard]] bool is_full() const noexcept { return problems_.is_full(); }

  /// Tensors that were found, whatever their shapes.
  [[nodiscard]] size_t found() const noexcept { return taken_.size(); }

  /// Counts `count` tensors as missing that nobody will ask for, because too many of those before are.
  void give_up(size_t count) {
    problems_.add_unseen(count);
    has_given_up_ = true;
  }

  /// Throws when anything was noted, or when a tensor is left that nobody took and `may_ignore` does not know.
  void finish(const std::string& what, bool (*may_ignore)(std::string_view)) {
    for (const auto& [name, tensor] : tensors_) {
      if (has_given_up_ || taken_.contains(name) || may_ignore(name)) continue;
      note("unexpected", name, c10::str("found ", tensor.sizes()));
    }
    if (problems_.count() == 0) return;
    throw Error(ErrorCode::bad_model, c10::str(what, " do not fit the configuration, ", problems_.count(),
                                               " problem(s):\n  ", problems_.text()));
  }

 private:
  [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(prefix_ + name); }

  static bool fits(at::IntArrayRef found, const std::vector<int64_t>& expected) {
    bool same = found.size() == expected.size();
    for (size_t i = 0; same && i < expected.size(); ++i) same = expected[i] == -1 || expected[i] == found[i];
    return same;
  }

  void note(const char* kind, const std::string& name, const std::string& detail) {
    problems_.add(c10::str(kind, ": ", in_one_line(name), " (", detail, ")"));
  }

  const TensorMap& tensors_;
  std::string prefix_;
  Placement placement_;
  std::set<std::string> taken_;
  ShortList problems_{"\n  "};
  bool has_given_up_ = false;
};

// Heads and buffers that training frameworks store beside the encoder. A classification head is not among them: a
// re-ranker loaded as an embedder would give vectors that mean nothing.
inline bool is_unused_parameter(std::string_view name) {
  constexpr std::array<std::string_view, 6> unused = {
      "embeddings.position_ids", "embeddings.token_type_ids", "pooler.", "lm_head.",
      "cls.predictions.",        "cls.seq_relationship."};
  for (const auto part : unused) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// Everything before the name that every encoder has: "", "roberta.", "bert.", "model." …
inline std::string find_prefix(const TensorMap& tensors) {
  constexpr std::string_view word_embedding = "embeddings.word_embeddings.weight";
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(word_embedding)) return name.substr(0, name.size() - word_embedding.size());
  }
  return "";
}

// Layers of the same input as one. What is missing stays missing: the binder has noted it.
inline Linear one_below_the_other(std::initializer_list<Linear> layers) {
  std::vector<at::Tensor> weights, biases;
  for (const auto& layer : layers) {
    if (!layer.weight.defined() || !layer.bias.defined()) return {};
    weights.push_back(layer.weight);
    biases.push_back(layer.bias);
  }
  return {at::cat(weights), at::cat(biases)};
}

// One layer after the other, so that the model as a whole is nowhere in anything larger. What is missing stays missing.
inline void quantize_layers(EncoderLayerWeights& weights, bool fast_sums) {
  for (auto* layer : linear_layers(weights)) {
    if (!layer->weight.defined() || !layer->bias.defined()) continue;
    *layer = {.weight = {}, .bias = {}, .float8 = quantize_float8(layer->weight, layer->bias, fast_sums)};
  }
}

// LibTorch multiplies no others.
inline void expect_float8_sizes(const ModelConfig& config) {
  if (config.hidden_size % 16 == 0 && config.intermediate_size % 16 == 0) return;
  throw Error(ErrorCode::invalid_argument,
              c10::str("dtype float8 needs sizes that are multiples of 16, this model has hidden_size ",
                       config.hidden_size, " and intermediate_size ", config.intermediate_size, "; use float16"));
}

inline EncoderLayerWeights bind_layer(WeightBinder& binder, const ModelConfig& config, int64_t layer) {
  const std::string at_layer = c10::str("encoder.layer.", layer, ".");
  const int64_t d = config.hidden_size;
  EncoderLayerWeights weights;
  auto& attention = weights.attention;
  const Linear query = binder.linear(at_layer + "attention.self.query.", d, d);
  const Linear key = binder.linear(at_layer + "attention.self.key.", d, d);
  const Linear value = binder.linear(at_layer + "attention.self.value.", d, d);
  if (layer + 1 < config.layers) {
    attention.qkv = one_below_the_other({query, key, value});
  } else {
    attention.query = query;
    attention.key_value = one_below_the_other({key, value});
  }
  attention.output = binder.linear(at_layer + "attention.output.dense.", d, d);
  attention.norm = binder.layer_norm(at_layer + "attention.output.LayerNorm.", d);
  auto& feed_forward = weights.feed_forward;
  feed_forward.up = binder.linear(at_layer + "intermediate.dense.", config.intermediate_size, d);
  feed_forward.down = binder.linear(at_layer + "output.dense.", d, config.intermediate_size);
  feed_forward.norm = binder.layer_norm(at_layer + "output.LayerNorm.", d);
  return weights;
}

// Configurations may claim millions of layers. When none of a layer's tensors is there, and the error has enough to
// list, those that follow are not looked for.
inline void bind_layers(WeightBinder& binder, const ModelConfig& config, const Placement& placement,
                        std::vector<EncoderLayerWeights>& layers) {
  constexpr int64_t tensors_of_layer = 16;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const size_t found_before = binder.found();
    layers.push_back(bind_layer(binder, config, layer));
    if (placement.float8_layers) quantize_layers(layers.back(), placement.fast_sums);
    if (binder.found() > found_before || !binder.is_full()) continue;
    return binder.give_up(static_cast<size_t>((config.layers - layer - 1) * tensors_of_layer));
  }
}

}  // namespace bgem3::detail

namespace bgem3 {

inline EncoderWeights bind_encoder_weights(const ModelConfig& config, const TensorMap& tensors,
                                           const Placement& placement) {
  if (placement.float8_layers) detail::expect_float8_sizes(config);
  detail::WeightBinder binder(tensors, detail::find_prefix(tensors), placement);
  const int64_t d = config.hidden_size;
  EncoderWeights weights;
  weights.input.word = binder.take("embeddings.word_embeddings.weight", {config.vocabulary_size, d});
  weights.input.position = binder.take("embeddings.position_embeddings.weight", {config.position_rows, d});
  weights.input.token_type = binder.take("embeddings.token_type_embeddings.weight", {config.token_types, d});
  weights.input.norm = binder.layer_norm("embeddings.LayerNorm.", d);
  detail::bind_layers(binder, config, placement, weights.layers);
  binder.finish("the weights", detail::is_unused_parameter);
  if (placement.device.is_cuda()) weights.hidden_dtype = placement.dtype;
  return weights;
}

inline Linear bind_head(const TensorMap& tensors, int64_t out, int64_t in, const std::string& file,
                        const Placement& placement) {
  detail::WeightBinder binder(tensors, "", placement);
  Linear head = binder.linear("", out, in);
  binder.finish("the tensors of " + file, [](std::string_view) { return false; });
  return head;
}

inline ClassificationHead bind_classification_head(const ModelConfig& config, const TensorMap& tensors,
                                                   const Placement& placement) {
  detail::WeightBinder binder(tensors, "classifier.", placement);
  const int64_t d = config.hidden_size;
  ClassificationHead head{binder.linear("dense.", d, d), binder.linear("out_proj.", 1, d)};
  binder.finish("the weights of the classification head", [](std::string_view) { return false; });
  return head;
}

}  // namespace bgem3
