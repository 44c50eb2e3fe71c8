#pragma once

#include <pybind11/pybind11.h>

#include "bgem3/tokenizer.h"
#include "bound_class.h"

namespace bgem3::python {

template <>
inline constexpr bool is_bound<Tokenizer> = true;

void bind_tokenizer(pybind11::module_& module);

}  // namespace bgem3::python
