#include "tokenizer/normalizer.h"

#include <utf8proc.h>

#include "tokenizer/utf8.h"

namespace bgem3 {
namespace {

constexpr std::size_t whole_cluster_bytes = 6;  // clusters this long are never replaced as a whole
constexpr std::uint32_t table_size = 0x10000;

std::size_t encode(std::uint32_t code_point, char* out) {
  return static_cast<std::size_t>(
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), reinterpret_cast<utf8proc_uint8_t*>(out)));
}

bool may_join(std::uint32_t code_point) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point))->boundclass != UTF8PROC_BOUNDCLASS_OTHER;
}

}  // namespace

Normalizer::Normalizer(Charsmap charsmap) : charsmap_(std::move(charsmap)), traits_(table_size) {
  std::array<char, 4> bytes{};
  for (std::uint32_t code_point = 0; code_point < table_size; ++code_point) {
    if (code_point >= 0xd800 && code_point < 0xe000) continue;  // surrogates do not occur in valid text
    const std::string_view character(bytes.data(), encode(code_point, bytes.data()));
    if (charsmap_.find_shortest(character)) traits_[code_point] |= has_rule;
    if (may_join(code_point)) traits_[code_point] |= joins;
  }
}

std::uint8_t Normalizer::traits_of(std::uint32_t code_point) const noexcept {
  return code_point < table_size ? traits_[code_point] : has_rule | joins;
}

// The end of the extended grapheme cluster that begins at `begin` (Unicode, annex 29).
std::size_t Normalizer::cluster_end(std::string_view text, std::size_t begin) const noexcept {
  utf8proc_int32_t state = 0;
  std::size_t at = begin;
  auto size = utf8::length(static_cast<unsigned char>(text[at]));
  auto current = utf8::decode(text.data() + at, size);
  for (at += size; at < text.size(); at += size) {
    size = utf8::length(static_cast<unsigned char>(text[at]));
    const auto next = utf8::decode(text.data() + at, size);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(current), static_cast<utf8proc_int32_t>(next),
                                         &state)) {
      break;
    }
    current = next;
  }
  return at;
}

void Normalizer::append(std::string_view text, std::string& normal) const {
  std::size_t copied = 0;  // what lies before has been appended
  for (std::size_t at = 0; at < text.size();) {
    const auto size = utf8::length(static_cast<unsigned char>(text[at]));
    const auto traits = traits_of(utf8::decode(text.data() + at, size));
    std::size_t end = at + size;
    const bool next_joins =
        end < text.size() &&
        (traits_of(utf8::decode(text.data() + end, utf8::length(static_cast<unsigned char>(text[end])))) & joins) != 0;
    if (traits == 0 && !next_joins) {  // by far the most: stays as it is
      at = end;
      continue;
    }
    if ((traits & joins) != 0 || next_joins) end = cluster_end(text, at);
    normal.append(text, copied, at - copied);
    append_cluster(text.substr(at, end - at), normal);
    at = copied = end;
  }
  normal.append(text, copied, text.size() - copied);
}

void Normalizer::append_cluster(std::string_view cluster, std::string& normal) const {
  if (cluster.size() < whole_cluster_bytes) {
    if (const auto replacement = charsmap_.find_shortest(cluster)) {
      normal += *replacement;
      return;
    }
  }
  for (std::size_t at = 0; at < cluster.size();) {
    const auto size = utf8::length(static_cast<unsigned char>(cluster[at]));
    append_character(cluster.substr(at, size), normal);
    at += size;
  }
}

void Normalizer::append_character(std::string_view character, std::string& normal) const {
  normal += charsmap_.find_shortest(character).value_or(character);
}

}  // namespace bgem3
