#pragma once

#include <string>
#include <string_view>

#include "server/json_fields.h"

namespace bgem3::server {

/// Starts to log to standard output what is at least of `level`: debug, info, warning, error or off.
void start_log(const std::string& level);

/// Writes what is still to be written.
void end_log();

enum class LogLevel { debug, info, warning, error };

/// One line, a JSON object: time, level, message and the fields. Never texts of users, nor keys. Any thread; does not
/// wait. A line that there is no memory for is lost.
void log(LogLevel level, std::string_view message, const JsonFields& fields = {}) noexcept;

}  // namespace bgem3::server
