#pragma once

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/options.h"

namespace bgem3 {

/// Tells LoadOptions::on_log what happens to a model. Any thread. Nothing leaves: what went well so far does not fail
/// because it cannot be told. Messages are as printable as those of Error.
class Log {
 public:
  explicit Log(LogCallback callback = {}) : callback_(std::move(callback)) {}

  template <typename... Arguments>
  void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) const noexcept {
    tell(LogLevel::info, format, std::forward<Arguments>(arguments)...);
  }

  template <typename... Arguments>
  void warn(fmt::format_string<Arguments...> format, Arguments&&... arguments) const noexcept {
    tell(LogLevel::warning, format, std::forward<Arguments>(arguments)...);
  }

  template <typename... Arguments>
  void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) const noexcept {
    tell(LogLevel::error, format, std::forward<Arguments>(arguments)...);
  }

 private:
  template <typename... Arguments>
  void tell(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) const noexcept {
    if (!callback_) return;
    try {
      callback_(level, detail::printable_message(fmt::format(format, std::forward<Arguments>(arguments)...)));
    } catch (...) {  // of the caller's, or no memory
    }
  }

  LogCallback callback_;
};

}  // namespace bgem3
