#pragma once

#include <string>
#include <string_view>

namespace bgem3::cli {

// `name` is that of the input, for messages.

/// @throws Error invalid_argument: the name, and what is wrong with the input or with an option for it
[[noreturn]] void refuse_input(const std::string& name, std::string_view what);

/// @param kind  of data, such as "gzip"
/// @throws Error io_error
[[noreturn]] void refuse_damaged(const std::string& name, std::string_view kind, std::string_view reason);

}  // namespace bgem3::cli
