#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "bgem3/families/family.h"
#include "bgem3/families/placement.h"
#include "bgem3/layers/layer_norm.h"

namespace bgem3 {
namespace detail {

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

/// Takes the tensors whose names begin with `prefix` out of a checkpoint.
inline TensorMap split_off(TensorMap& tensors, std::string_view prefix) {
  TensorMap part;
  for (auto at = tensors.lower_bound(std::string(prefix)); at != tensors.end() && at->first.starts_with(prefix);) {
    part.insert(tensors.extract(at++));
  }
  return part;
}

}  // namespace detail

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
    return detail::place(tensor, {placement_.device, placed_dtype});
  }

  Linear linear(const std::string& name, int64_t out, int64_t in) {
    const auto* const format = placement_.format;
    const auto dtype = format != nullptr ? format->source_dtype(placement_.device) : placement_.dtype;
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
    problems_.add(c10::str(kind, ": ", detail::in_one_line(name), " (", detail, ")"));
  }

  const TensorMap& tensors_;
  std::string prefix_;
  Placement placement_;
  std::set<std::string> taken_;
  detail::ShortList problems_{"\n  "};
  bool has_given_up_ = false;
};

/// Refuses a model whose sizes the format does not take.
/// @throws Error invalid_argument
inline void expect_sizes(const Format& format, const ModelConfig& config) {
  const int64_t d = config.hidden_size, between = config.intermediate_size;
  for (const auto& [in, out] : {std::pair(d, d), std::pair(d, between), std::pair(between, d)}) {
    const std::string needed = format.refuses(in, out);
    if (needed.empty()) continue;
    throw Error(
        ErrorCode::invalid_argument,
        c10::str("dtype ", to_string(format.dtype()), " needs ", needed, ", this model has hidden_size ", d,
                 " and intermediate_size ", between, "; use ", format.runs_on(at::kCUDA) ? "float16" : "float32"));
  }
}

/// A head saved by `torch.save(linear.state_dict())`: `weight` [out, D] and `bias` [out]; `out` -1 takes any.
/// @throws Error bad_model as WeightBinder::finish; `file` is named in it
inline Linear bind_head(const TensorMap& tensors, int64_t out, int64_t in, const std::string& file,
                        const Placement& placement = {}) {
  WeightBinder binder(tensors, "", placement);
  Linear head = binder.linear("", out, in);
  binder.finish("the tensors of " + file, [](std::string_view) { return false; });
  return head;
}

}  // namespace bgem3
