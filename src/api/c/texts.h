#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace bgem3::c_api {

/// One text of C, whose length may be BGEM3_ZERO_TERMINATED. `name` stands for it in a message.
/// @throws Error invalid_argument when it is NULL, unless its length is 0, and for a length that no text can have
std::string_view read_text(const char* text, std::size_t length, const char* name);

/// `count` texts of C, whose `lengths` may be NULL: zero-terminated. `name` stands for the array in a message.
/// @throws Error invalid_argument as read_text, naming the index
std::vector<std::string_view> read_texts(const char* const* texts, const std::size_t* lengths, std::size_t count,
                                         const char* name);

}  // namespace bgem3::c_api
