#pragma once

#include <cstddef>
#include <string_view>

namespace bgem3 {

/// Bytes of the white space with which `text`, valid UTF-8, begins: one character, or 0 where it begins with another.
std::size_t leading_space(std::string_view text) noexcept;

/// `text`, valid UTF-8, without the white space at its end.
std::string_view strip_right(std::string_view text) noexcept;

/// The same at its beginning.
std::string_view strip_left(std::string_view text) noexcept;

}  // namespace bgem3
