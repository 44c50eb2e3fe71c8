#pragma once

#include <string>
#include <string_view>

namespace bgem3::cli {

/// `text` without the white space of JSON around it.
std::string_view trim_json(std::string_view text);

/// For an input that nobody said the form of: refuses one whose first line is JSON, which is hardly a text.
/// @throws Error invalid_argument
void refuse_json_as_lines(const std::string& input, std::string_view first_line);

/// For JSON lines: refuses an input whose first line is part of one large document.
/// @throws Error invalid_argument
void refuse_json_document(const std::string& input, std::string_view first_line);

}  // namespace bgem3::cli
