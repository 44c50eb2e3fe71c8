#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace bgem3::server {

inline std::string_view trim_header(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The elements of a header that is a list (RFC 9110, section 5.6.1), which may come in several lines. Empty ones do
/// not count. They lie in `head`.
inline std::vector<std::string_view> header_list(const Request& head, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const auto& [field, value] : head.headers) {
    if (!is_same_name(field, name)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      const auto element = trim_header(rest.substr(0, end));
      if (!element.empty()) elements.push_back(element);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return elements;
}

}  // namespace bgem3::server
