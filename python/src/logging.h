#pragma once

#include <string_view>

#include "bgem3/options.h"

namespace bgem3::python {

/// Hands a message of the library to the logger "bgem3" of Python's logging. Any thread, with the GIL or without.
void log_to_python(LogLevel level, std::string_view message);

}  // namespace bgem3::python
