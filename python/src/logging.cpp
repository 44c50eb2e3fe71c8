#include "logging.h"

#include <string>

#include <pybind11/pybind11.h>

#include "interruptible.h"

namespace bgem3::python {
namespace py = pybind11;

void log_to_python(LogLevel level, std::string_view message) {
  if (calls_are_ending()) return;  // the interpreter ends, and takes no more threads
  const py::gil_scoped_acquire gil;
  try {
    const py::object logger = py::module_::import("logging").attr("getLogger")("bgem3");
    logger.attr(level == LogLevel::warning ? "warning" : "info")("%s", std::string(message));
  } catch (py::error_already_set& error) {  // of a handler, such as one whose file is gone
    error.discard_as_unraisable("bgem3's log");
  }
}

}  // namespace bgem3::python
