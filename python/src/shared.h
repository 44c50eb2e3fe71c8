#pragma once

#include <memory>

namespace bgem3::python {

/// Embedder or Reranker, shared with calls that are still running when Python has let go of it. A class of its own,
/// because pybind11 knows no const.
template <typename Model>
struct Shared {
  std::shared_ptr<const Model> model;
};

}  // namespace bgem3::python
