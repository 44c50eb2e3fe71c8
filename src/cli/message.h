#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"

namespace bgem3::cli {

/// Writes to stderr. One that is closed or full must not stop the work, so a failure is passed over.
inline void show(const std::string& text) { (void)std::fwrite(text.data(), 1, text.size(), stderr); }

/// A line "bgem3: …" on stderr, without control characters.
template <typename... Arguments>
void tell(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  const std::string message = fmt::format(format, std::forward<Arguments>(arguments)...);
  show("bgem3: " + detail::printable_message(message) + "\n");
}

}  // namespace bgem3::cli
