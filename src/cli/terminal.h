#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bgem3::cli {

/// Columns of the terminal behind a file descriptor; 100 when it is none.
std::size_t terminal_width(int descriptor);

/// Columns that valid UTF-8 takes: East Asian characters two, combining marks none.
std::size_t display_width(std::string_view text);

/// `text` on one line, cut with "…" to at most `columns` columns and filled with spaces to exactly that many.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace bgem3::cli
