#include "errors.h"

#include <string>

#include "bgem3/error.h"

namespace bgem3::python {
namespace py = pybind11;
namespace {

py::object to_python(const Error& error) {
  const py::object make = py::module_::import("bgem3.errors").attr("make_error");
  return make(std::string(to_string(error.code())), to_str(error.what()));
}

void translate(std::exception_ptr pointer) {  // NOLINT(performance-unnecessary-value-param): pybind11's signature
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const Error& error) {
    const py::object exception = to_python(error);
    PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
  }
}

}  // namespace

py::str to_str(std::string_view text) {
  PyObject* const decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::object to_python(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return to_python(known);
  } catch (py::error_already_set& raised) {
    return raised.value();
  } catch (const std::exception& unknown) {
    return py::module_::import("builtins").attr("RuntimeError")(to_str(unknown.what()));
  }
}

void register_errors() { py::register_exception_translator(&translate); }

}  // namespace bgem3::python
