#include "cli/terminal.h"

#include <sys/ioctl.h>

#include <algorithm>

#include <utf8proc.h>

#include "bgem3/detail/message.h"

namespace bgem3::cli {
namespace {

struct Character {
  std::size_t bytes;
  std::size_t columns;
  bool is_printable;
};

// The first character of `text`; bytes that are not UTF-8, control characters and what turns the direction of writing
// are not printable.
Character first_character(std::string_view text) {
  utf8proc_int32_t code_point = -1;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (bytes <= 0) return {1, 1, false};
  const auto size = static_cast<std::size_t>(bytes);
  const std::string_view character = text.substr(0, size);
  if (character == "\n" || detail::printable(character) != character) return {size, 1, false};
  return {size, static_cast<std::size_t>(std::max(0, utf8proc_charwidth(code_point))), true};
}

}  // namespace

std::size_t terminal_width(int descriptor) {
  constexpr std::size_t fallback = 100;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return fallback;
  return size.ws_col;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    columns += character.columns;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (columns == 0) return {};
  std::string line;
  std::size_t used = 0;
  const std::size_t room = display_width(text) > columns ? columns - 1 : columns;  // one for the ellipsis
  while (!text.empty()) {
    const Character character = first_character(text);
    if (used + character.columns > room) break;
    line += character.is_printable ? text.substr(0, character.bytes) : std::string_view(" ");
    used += character.columns;
    text.remove_prefix(character.bytes);
  }
  if (!text.empty()) {
    line += "…";
    ++used;
  }
  line.append(columns - used, ' ');
  return line;
}

}  // namespace bgem3::cli
