#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3 {

/// Whether a device name means a GPU: "cuda", which is the first one, or "cuda:N".
inline bool names_cuda(std::string_view name) { return name == "cuda" || name.starts_with("cuda:"); }

/// The names in LoadOptions::device: one, or several with commas between.
inline std::vector<std::string> split_device_names(std::string_view names) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = names.find(',');
    parts.emplace_back(names.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    names.remove_prefix(comma + 1);
  }
}

}  // namespace bgem3
