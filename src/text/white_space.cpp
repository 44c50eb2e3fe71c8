#include "text/white_space.h"

#include "text/utf8.h"

namespace bgem3 {

std::size_t leading_space(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return utf8::is_white_space(lead) ? 1 : 0;
  // All white space outside ASCII begins with one of these.
  if (lead != 0xc2 && (lead < 0xe1 || lead > 0xe3)) return 0;
  const auto size = utf8::length(lead);
  if (size > text.size()) return 0;
  return utf8::is_white_space(utf8::decode(text.data(), size)) ? size : 0;
}

std::string_view strip_right(std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && utf8::is_tail(text[last])) --last;
    if (leading_space(text.substr(last)) == 0) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view strip_left(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t space = leading_space(text);
    if (space == 0) break;
    text.remove_prefix(space);
  }
  return text;
}

}  // namespace bgem3
