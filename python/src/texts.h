#pragma once

#include <string>
#include <vector>

#include <pybind11/pybind11.h>

namespace bgem3::python {

/// UTF-8 of each str.
/// @throws TypeError for what is no str
std::vector<std::string> to_texts(const pybind11::sequence& texts);

}  // namespace bgem3::python
