#include "bgem3/detail/message.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "text/utf8.h"

namespace bgem3::detail {
namespace {

// U+061C, U+200E and U+200F are marks of direction; U+2028 and U+2029 separate lines; the others embed or isolate.
bool is_shown(std::uint32_t c) noexcept {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
  const bool turns =
      c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return !turns && c != 0x2028 && c != 0x2029;
}

// One character, or one part that is none.
void append_part(std::string& out, std::string_view part, bool is_character) {
  const std::uint32_t c = is_character ? utf8::decode(part.data(), part.size()) : 0;
  if (is_character && is_shown(c)) {
    out += part;
  } else if (is_character && c >= 0x7f) {
    out += fmt::format("\\u{:04x}", c);
  } else if (part == "\n" || part == "\t" || part == "\r") {
    out += part == "\n" ? "\\n" : part == "\t" ? "\\t" : "\\r";
  } else {
    for (const char byte : part) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

// Appends from byte `at` on while there is room; where it stopped.
std::size_t append_lines(std::string& out, std::string_view text, std::size_t bytes_max) {
  std::size_t at = 0;
  while (at < text.size() && out.size() < bytes_max) {
    const utf8::Part part = utf8::next_part(text, at);
    if (text[at] == '\n') {
      out += '\n';
    } else {
      append_part(out, text.substr(at, part.size), part.is_character);
    }
    at += part.size;
  }
  return at;
}

void append_line(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Part part = utf8::next_part(text, at);
    append_part(out, text.substr(at, part.size), part.is_character);
    at += part.size;
  }
}

// Bytes of the first `characters` of a text, or of all that it has.
std::size_t bytes_of(std::string_view text, std::size_t characters) noexcept {
  std::size_t at = 0;
  for (std::size_t i = 0; i < characters && at < text.size(); ++i) at += utf8::next_part(text, at).size;
  return at;
}

// The last `characters` of a text that has more.
std::string_view last_of(std::string_view text, std::size_t characters) noexcept {
  std::size_t begin = text.size();
  for (std::size_t i = 0; i < characters && begin > 0; ++i) {
    std::size_t size = 1;
    while (size < 4 && size < begin && utf8::is_tail(text[begin - size])) ++size;
    const bool is_whole = utf8::next_part(text, begin - size).size == size;
    begin -= is_whole ? size : 1;
  }
  return text.substr(begin);
}

std::string shorten(std::string_view text, std::size_t characters_max) {
  std::string out;
  if (bytes_of(text, characters_max) == text.size()) {
    append_line(out, text);
  } else {
    append_line(out, text.substr(0, bytes_of(text, characters_max / 2)));
    out += "…";
    append_line(out, last_of(text, characters_max / 2 - 1));
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_lines(out, text, std::string::npos);
  return out;
}

std::string printable_message(std::string_view text) {
  constexpr std::size_t note_bytes_max = 64;
  std::string out;
  out.reserve(std::min(text.size(), message_bytes_max));
  const std::size_t end = append_lines(out, text, message_bytes_max - note_bytes_max);
  // What is as short as the note is shown instead of it.
  std::string rest;
  const bool is_whole = append_lines(rest, text.substr(end), note_bytes_max) == text.size() - end;
  if (is_whole && out.size() + rest.size() <= message_bytes_max) return out += rest;
  return out += fmt::format("… ({} bytes more)", text.size() - end);
}

std::string in_one_line(std::string_view text) { return shorten(text, name_characters_max); }

std::string in_quotes(std::string_view text) { return '\'' + in_one_line(text) + '\''; }

std::string in_quotes(const std::filesystem::path& path) {
  return '\'' + shorten(path.native(), path_characters_max) + '\'';
}

}  // namespace bgem3::detail
