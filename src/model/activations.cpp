#include "model/activations.h"

#include <array>
#include <string_view>
#include <vector>

#include <ATen/Functions.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

struct Entry {
  std::string_view name;
  ActivationFunction function;
};

// Default arguments of torch.nn. RReLU computes with the middle of its range outside of training.
constexpr auto activations = std::to_array<Entry>({
    {"CELU", [](const at::Tensor& x) { return at::celu(x); }},
    {"ELU", [](const at::Tensor& x) { return at::elu(x); }},
    {"GELU", [](const at::Tensor& x) { return at::gelu(x); }},
    {"Hardshrink", [](const at::Tensor& x) { return at::hardshrink(x); }},
    {"Hardsigmoid", [](const at::Tensor& x) { return at::hardsigmoid(x); }},
    {"Hardswish", [](const at::Tensor& x) { return at::hardswish(x); }},
    {"Hardtanh", [](const at::Tensor& x) { return at::hardtanh(x); }},
    {"Identity", [](const at::Tensor& x) { return x; }},
    {"LeakyReLU", [](const at::Tensor& x) { return at::leaky_relu(x); }},
    {"LogSigmoid", [](const at::Tensor& x) { return at::log_sigmoid(x); }},
    {"Mish", [](const at::Tensor& x) { return at::mish(x); }},
    {"RReLU", [](const at::Tensor& x) { return at::leaky_relu(x, (1.0 / 8 + 1.0 / 3) / 2); }},
    {"ReLU", [](const at::Tensor& x) { return at::relu(x); }},
    {"ReLU6", [](const at::Tensor& x) { return at::relu6(x); }},
    {"SELU", [](const at::Tensor& x) { return at::selu(x); }},
    {"SiLU", [](const at::Tensor& x) { return at::silu(x); }},
    {"Sigmoid", [](const at::Tensor& x) { return at::sigmoid(x); }},
    {"Softplus", [](const at::Tensor& x) { return at::softplus(x); }},
    {"Softshrink", [](const at::Tensor& x) { return at::softshrink(x); }},
    {"Softsign", [](const at::Tensor& x) { return x.div(x.abs().add_(1)); }},
    {"Tanh", [](const at::Tensor& x) { return at::tanh(x); }},
    {"Tanhshrink", [](const at::Tensor& x) { return x.sub(at::tanh(x)); }},
});

}  // namespace

ActivationFunction find_activation(const std::string& name, const std::string& place) {
  std::vector<std::string_view> known;
  for (const auto& entry : activations) {
    if (entry.name == name) return entry.function;
    known.push_back(entry.name);
  }
  throw Error(ErrorCode::bad_model, fmt::format("{}: activation {} is not supported; expected one of {}", place,
                                                in_quotes(name), fmt::join(known, ", ")));
}

}  // namespace bgem3
