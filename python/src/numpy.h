#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include <pybind11/numpy.h>

#include "bgem3/embeddings.h"
#include "bgem3/options.h"

namespace bgem3::python {

/// A NumPy array that takes over the memory of `values` (a std::vector or a Matrix).
template <typename Values>
pybind11::array take_over(Values&& values, std::vector<pybind11::ssize_t> shape) {
  static_assert(std::is_rvalue_reference_v<Values&&>);
  auto* owner = new Values(std::move(values));
  const pybind11::capsule memory(owner, [](void* pointer) { delete static_cast<Values*>(pointer); });
  return pybind11::array_t<std::decay_t<decltype(*owner->data())>>(std::move(shape), owner->data(), memory);
}

inline pybind11::array take_over(Matrix&& matrix) {
  const std::vector<pybind11::ssize_t> shape = {static_cast<pybind11::ssize_t>(matrix.rows()),
                                                static_cast<pybind11::ssize_t>(matrix.cols())};
  return take_over(std::move(matrix), shape);
}

template <typename Element>
pybind11::array take_over(std::vector<Element>&& values) {
  const std::vector<pybind11::ssize_t> shape = {static_cast<pybind11::ssize_t>(values.size())};
  return take_over(std::move(values), shape);
}

/// An array for each matrix.
pybind11::list to_list(std::vector<Matrix>&& matrices);

/// {"dense": float32 [B, D] or None, "sparse": (ids int32 [n], weights float32 [n], offsets int64 [B + 1]) or None,
///  "colbert": B arrays float32 [n, C] or None, "token_counts": int64 [B]}
pybind11::dict to_numpy(Embeddings&& embeddings, const EncodeOptions& options);

}  // namespace bgem3::python
