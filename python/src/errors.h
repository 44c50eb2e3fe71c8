#pragma once

#include <exception>
#include <string_view>

#include <pybind11/pybind11.h>

namespace bgem3::python {

/// Text of the library's as str. Bytes that are not UTF-8, which a caller has put there, become U+FFFD.
pybind11::str to_str(std::string_view text);

/// What Python gets for an exception of C++: of bgem3.errors for an Error, else RuntimeError.
pybind11::object to_python(const std::exception_ptr& error);

/// Has an Error raised as what to_python() makes of it.
void register_errors();

}  // namespace bgem3::python
