#pragma once

#include <pybind11/pybind11.h>

namespace bgem3::python {

/// Adds the classes BatchingEmbedder and BatchingReranker.
void bind_batching(pybind11::module_& module);

}  // namespace bgem3::python
