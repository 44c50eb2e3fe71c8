#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace bgem3::cli {

/// Writes to stderr. One that is closed or full must not stop the work, so a failure is passed over.
inline void show(const std::string& text) { (void)std::fwrite(text.data(), 1, text.size(), stderr); }

/// A line "bgem3: …" on stderr.
template <typename... Arguments>
void tell(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  show("bgem3: " + fmt::format(format, std::forward<Arguments>(arguments)...) + "\n");
}

}  // namespace bgem3::cli
