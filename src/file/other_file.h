#pragma once

#include <string>
#include <string_view>

namespace bgem3 {

/// What people have instead of a file of a model, and what to do; empty for anything else.
inline std::string describe_other_file(std::string_view bytes) {
  constexpr std::size_t head_bytes = 1024;
  const std::string_view head = bytes.substr(0, head_bytes);
  if (head.starts_with("version https://git-lfs")) {
    return "this is a Git LFS pointer, not the file that it stands for; run `git lfs pull`";
  }
  if (head.find("<!DOCTYPE html") != std::string_view::npos || head.find("<html") != std::string_view::npos) {
    return "this is an HTML page, not the file itself; download it again";
  }
  return "";
}

}  // namespace bgem3
