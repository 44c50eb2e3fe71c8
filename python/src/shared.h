#pragma once

#include <memory>

#include "bound_class.h"

namespace bgem3::python {

/// Embedder or Reranker, shared with calls that are still running when Python has let go of it. A class of its own,
/// because pybind11 knows no const.
template <typename Model>
struct Shared {
  std::shared_ptr<const Model> model;
};

template <typename Model>
inline constexpr bool is_bound<Shared<Model>> = true;

}  // namespace bgem3::python
