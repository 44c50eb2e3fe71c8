#include "server/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace bgem3::server {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

// A reader that does not keep up loses the oldest lines; it must not stop the server.
void start_log(const std::string& level) {
  const auto logger = spdlog::create_async_nb<spdlog::sinks::stdout_sink_mt>("bgem3");
  // What is logged is the rest of the object that begins here.
  logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(logger);
}

void end_log() { spdlog::shutdown(); }

void log(LogLevel level, std::string_view message, const JsonFields& fields) noexcept try {
  const auto logger = spdlog::default_logger();
  if (!logger || !logger->should_log(to_spdlog(level))) return;
  const std::string rest = fields.object();
  const std::string_view separator = rest == "{}" ? "" : ",";
  logger->log(to_spdlog(level), R"("message":{}{}{})", json_string(message), separator,
              std::string_view(rest).substr(1));
} catch (...) {  // nothing may fail for want of its line
}

}  // namespace bgem3::server
