#include "logging.h"

#include <string>

#include <pybind11/pybind11.h>

#include "interruptible.h"

namespace bgem3::python {
namespace py = pybind11;

namespace {

const char* method_of(LogLevel level) {
  switch (level) {
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: break;
  }
  return "error";
}

}  // namespace

void log_to_python(LogLevel level, std::string_view message) {
  if (calls_are_ending()) return;  // the interpreter ends, and takes no more threads
  const py::gil_scoped_acquire gil;
  try {
    const py::object logger = py::module_::import("logging").attr("getLogger")("bgem3");
    logger.attr(method_of(level))("%s", std::string(message));
  } catch (py::error_already_set& error) {  // of a handler, such as one whose file is gone
    error.discard_as_unraisable("bgem3's log");
  }
}

}  // namespace bgem3::python
