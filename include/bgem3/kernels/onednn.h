#pragma once

#include <exception>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <ATen/Context.h>
#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>

namespace bgem3::detail {

/// LibTorch's linear layers over oneDNN with weights in oneDNN's own blocked layout. They are operators without a C++
/// header, found by name; torch.compile uses the same ones.
class OneDnn {
 public:
  /// Null where this LibTorch was built without oneDNN.
  static const OneDnn* find() {
    static const std::optional<OneDnn> ops = look_up();
    return ops ? &*ops : nullptr;
  }

  /// weight [out, in], float32 or bfloat16 → the same in blocked layout, an opaque tensor of the same sizes.
  [[nodiscard]] at::Tensor reorder(const at::Tensor& weight) const {
    // A layout for batches of about this many rows is within 10 % of the best one from 2 rows to 4096.
    constexpr int64_t rows = 64;
    return checked([&] { return reorder_.call(weight, rows); });
  }

  /// input [N, in], a reordered weight, bias [out] → [N, out]; `activation`: "none" or "gelu" (the erf form).
  [[nodiscard]] at::Tensor linear(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                                  std::string_view activation) const {
    return checked([&] { return linear_.call(input, weight, bias, activation, Scalars(), "none"); });
  }

  /// linear() + other [N, out].
  [[nodiscard]] at::Tensor linear_add(const at::Tensor& input, const at::Tensor& other, const at::Tensor& weight,
                                      const at::Tensor& bias) const {
    return checked([&] { return linear_add_.call(input, other, weight, bias, "add"); });
  }

 private:
  // What oneDNN throws itself is neither LibTorch's error nor a std::bad_alloc, and its type has no header here.
  template <typename Work>
  static at::Tensor checked(const Work& work) {
    try {
      return work();
    } catch (const c10::Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      TORCH_CHECK(false, "oneDNN: ", error.what());
    }
  }

  using OptionalTensor = std::optional<at::Tensor>;
  using Scalars = c10::List<std::optional<at::Scalar>>;
  using Reorder = at::Tensor(const at::Tensor&, std::optional<int64_t>);
  using Unary = at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalTensor&, std::string_view, Scalars,
                           std::optional<std::string_view>);
  using Binary = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalTensor&,
                            std::string_view);

  static std::optional<OneDnn> look_up() {
    auto& dispatcher = c10::Dispatcher::singleton();
    const auto reorder = dispatcher.findSchema({"mkldnn::_reorder_linear_weight", ""});
    const auto unary = dispatcher.findSchema({"mkldnn::_linear_pointwise", ""});
    const auto binary = dispatcher.findSchema({"mkldnn::_linear_pointwise", "binary"});
    if (!at::hasMKLDNN() || !reorder || !unary || !binary) return std::nullopt;
    return OneDnn(reorder->typed<Reorder>(), unary->typed<Unary>(), binary->typed<Binary>());
  }

  OneDnn(c10::TypedOperatorHandle<Reorder> reorder, c10::TypedOperatorHandle<Unary> linear,
         c10::TypedOperatorHandle<Binary> linear_add)
      : reorder_(std::move(reorder)), linear_(std::move(linear)), linear_add_(std::move(linear_add)) {}

  c10::TypedOperatorHandle<Reorder> reorder_;
  c10::TypedOperatorHandle<Unary> linear_;
  c10::TypedOperatorHandle<Binary> linear_add_;
};

}  // namespace bgem3::detail
