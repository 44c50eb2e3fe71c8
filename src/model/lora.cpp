#include "model/lora.h"

#include <array>
#include <map>
#include <string>
#include <string_view>

#include <ATen/ops/addmm.h>
#include <c10/core/ScalarType.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "bgem3/families/parameter_names.h"
#include "config/adapter.h"
#include "file/open_file.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

constexpr std::string_view weight_suffix = ".weight";

[[noreturn]] void bad(const std::string& what) {
  throw Error(ErrorCode::bad_model, fmt::format("the adapter does not fit its base: {}", what));
}

// Of one layer.
struct Pair {
  at::Tensor a;  // [rank, in]
  at::Tensor b;  // [out, rank]
};

// Layer → the name of its weight.
using Layers = std::map<std::string, std::string, std::less<>>;

// Without what peft and transformers put before the name of a module.
std::string_view strip_prefixes(std::string_view name) {
  constexpr std::string_view of_peft = "base_model.model.";
  if (name.starts_with(of_peft)) name.remove_prefix(of_peft.size());
  return detail::strip_encoder_name(name);
}

// Others would become plausible numbers, and the check of the weights would not see them any more.
void check_dtype(std::string_view layer, const at::Tensor& tensor) {
  if (at::isFloatingType(tensor.scalar_type())) return;
  bad(fmt::format("{} has a tensor of {}; expected floating point", in_quotes(layer),
                  c10::toString(tensor.scalar_type())));
}

// Layer → its pair.
std::map<std::string, Pair, std::less<>> find_pairs(const TensorMap& changes) {
  constexpr std::string_view a_suffix = ".lora_A.weight", b_suffix = ".lora_B.weight";
  std::map<std::string, Pair, std::less<>> pairs;
  for (const auto& [name, tensor] : changes) {
    const bool is_a = name.ends_with(a_suffix);
    if (!is_a && !name.ends_with(b_suffix)) {
      bad(fmt::format("tensor {} is no lora_A or lora_B of a linear layer, which are all that is supported",
                      in_quotes(name)));
    }
    const auto layer = strip_prefixes(std::string_view(name).substr(0, name.size() - a_suffix.size()));
    Pair& pair = pairs[std::string(layer)];
    at::Tensor& place = is_a ? pair.a : pair.b;
    if (place.defined()) bad(fmt::format("two tensors for {}, one of them is {}", in_quotes(layer), in_quotes(name)));
    check_dtype(layer, tensor);
    place = tensor.to(at::kFloat);
  }
  return pairs;
}

// Layers alone have matrices, but for tables.
Layers find_layers(const TensorMap& tensors) {
  const std::string prefix = detail::find_prefix(tensors);
  Layers layers;
  for (const auto& [name, tensor] : tensors) {
    const bool is_matrix = name.ends_with(weight_suffix) && tensor.dim() == 2 && name.starts_with(prefix);
    if (!is_matrix || detail::is_table(name)) continue;
    layers.emplace(name.substr(prefix.size(), name.size() - prefix.size() - weight_suffix.size()), name);
  }
  return layers;
}

at::Tensor merge(const std::string& layer, const Pair& pair, const detail::LoraTerm& term, const at::Tensor& weight) {
  if (!pair.a.defined() || !pair.b.defined()) {
    bad(fmt::format("{} has no {}", in_quotes(layer), pair.a.defined() ? "lora_B" : "lora_A"));
  }
  const std::array a_shape = {term.rank, weight.size(1)}, b_shape = {weight.size(0), term.rank};
  if (pair.a.sizes() != at::IntArrayRef(a_shape) || pair.b.sizes() != at::IntArrayRef(b_shape)) {
    bad(fmt::format("{}: expected lora_A [{}] and lora_B [{}], found [{}] and [{}]", in_quotes(layer),
                    fmt::join(a_shape, ", "), fmt::join(b_shape, ", "), fmt::join(pair.a.sizes(), ", "),
                    fmt::join(pair.b.sizes(), ", ")));
  }
  check_dtype(layer, weight);
  return at::addmm(weight.to(at::kFloat), pair.b, pair.a, 1, term.scale);
}

// A file that ends early has some layers only.
void check_complete(const LoraAdapter& adapter, const std::map<std::string, Pair, std::less<>>& pairs,
                    const Layers& layers) {
  for (const auto& [layer, name] : layers) {
    if (pairs.contains(layer) || detail::is_unused_parameter(name) || !detail::is_targeted(adapter, layer)) continue;
    bad(fmt::format("target_modules of adapter_config.json names {}, for which there are no tensors",
                    in_quotes(layer)));
  }
}

}  // namespace

std::filesystem::path find_adapter_weights(const std::filesystem::path& folder) {
  for (const char* name : {"adapter_model.safetensors", "adapter_model.bin"}) {
    if (is_there(folder / name)) return folder / name;
  }
  throw Error(ErrorCode::bad_model, fmt::format("{} has adapter_config.json, but no weights of the adapter; expected "
                                                "adapter_model.safetensors or adapter_model.bin",
                                                in_quotes(folder)));
}

void merge_adapter(const LoraAdapter& adapter, const TensorMap& changes, TensorMap& tensors) {
  const auto layers = find_layers(tensors);
  const auto pairs = find_pairs(changes);
  for (const auto& [layer, pair] : pairs) {
    if (detail::is_unused_parameter(layer)) continue;
    const auto found = layers.find(layer);
    if (found == layers.end()) bad(fmt::format("{} is no linear layer of the encoder", in_quotes(layer)));
    if (!detail::is_targeted(adapter, layer)) {
      bad(fmt::format("there are tensors for {}, which adapter_config.json does not name", in_quotes(layer)));
    }
    at::Tensor& weight = tensors.at(found->second);
    weight = merge(layer, pair, detail::lora_term(adapter, layer), weight);
  }
  check_complete(adapter, pairs, layers);
}

}  // namespace bgem3
