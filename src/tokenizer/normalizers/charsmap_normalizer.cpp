#include "tokenizer/normalizers/charsmap_normalizer.h"

#include <array>
#include <cstring>
#include <utility>

#include "text/utf8.h"

namespace bgem3 {
namespace {

constexpr std::size_t whole_cluster_bytes = 6;  // clusters this long are never replaced as a whole
constexpr std::uint32_t table_size = 0x10000;

// Whether eight bytes all lie in U+0020 to U+007E.
bool are_printable(const char* bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t tops = 0x80 * ones;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return ((word | (word + ones) | (word - 0x20 * ones)) & tops) == 0;
}

// Of the normal form alone.
struct PlainWriter {
  std::string& normal;

  void keep(std::string_view characters) { normal += characters; }
  void replace(std::string_view /*characters*/, std::string_view replacement) { normal += replacement; }
};

}  // namespace

CharsmapNormalizer::CharsmapNormalizer(Charsmap charsmap) : charsmap_(std::move(charsmap)), traits_(table_size) {
  for (std::uint32_t code_point = 0; code_point < table_size; ++code_point) {
    traits_[code_point] = find_traits(code_point);
  }
  for (char c = ' '; c <= '~'; ++c) printable_is_plain_ &= traits_[static_cast<unsigned char>(c)] == 0;
}

std::uint8_t CharsmapNormalizer::find_traits(std::uint32_t code_point) const noexcept {
  const GraphemeClass of = grapheme_class(code_point);
  unsigned traits = static_cast<unsigned>(of);
  if (reaches_back(of)) traits |= back;
  if (reaches_ahead(of)) traits |= ahead;
  std::array<char, 4> bytes{};
  const std::string_view character(bytes.data(), utf8::encode(code_point, bytes.data()));
  if (charsmap_.find_shortest(character)) traits |= has_rule;
  return static_cast<std::uint8_t>(traits);
}

CharsmapNormalizer::Character CharsmapNormalizer::character_at(std::string_view text, std::size_t at) const noexcept {
  const auto size = utf8::length(static_cast<unsigned char>(text[at]));
  const auto code_point = utf8::decode(text.data() + at, size);
  return {code_point < table_size ? traits_[code_point] : find_traits(code_point), at + size};
}

// How far the text is printable ASCII, which stays as it is. The last character
// is left over when it might begin a cluster of several.
std::size_t CharsmapNormalizer::skip_printable(std::string_view text, std::size_t at) const noexcept {
  if (!printable_is_plain_) return at;
  const std::size_t begin = at;
  while (at + sizeof(std::uint64_t) <= text.size() && are_printable(text.data() + at)) at += sizeof(std::uint64_t);
  while (at < text.size() && text[at] >= ' ' && text[at] <= '~') ++at;
  const bool may_go_on = at > begin && at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80;
  return may_go_on ? at - 1 : at;
}

// `first` is the character at the beginning of a cluster.
std::size_t CharsmapNormalizer::cluster_end(std::string_view text, Character first) const noexcept {
  GraphemeCluster cluster(static_cast<GraphemeClass>(first.traits & class_mask));
  std::size_t end = first.end;
  while (end < text.size()) {
    const Character next = character_at(text, end);
    if (!cluster.extend(static_cast<GraphemeClass>(next.traits & class_mask))) break;
    end = next.end;
  }
  return end;
}

// Tells `writer` in turn what stays as it is, and what is replaced by what.
template <typename Writer>
void CharsmapNormalizer::write(std::string_view text, Writer& writer) const {
  std::size_t copied = 0;  // what lies before has been written
  std::size_t at = 0;
  while (at < text.size()) {
    at = skip_printable(text, at);
    if (at == text.size()) break;
    const Character first = character_at(text, at);
    const bool is_alone =
        (first.traits & ahead) == 0 && (first.end == text.size() || (character_at(text, first.end).traits & back) == 0);
    if (is_alone && (first.traits & has_rule) == 0) {
      at = first.end;
      continue;
    }
    writer.keep(text.substr(copied, at - copied));
    copied = is_alone ? first.end : cluster_end(text, first);
    write_cluster(text.substr(at, copied - at), writer);
    at = copied;
  }
  writer.keep(text.substr(copied, at - copied));
}

template <typename Writer>
void CharsmapNormalizer::write_cluster(std::string_view cluster, Writer& writer) const {
  if (cluster.size() < whole_cluster_bytes) {
    if (const auto replacement = charsmap_.find_shortest(cluster)) {
      writer.replace(cluster, *replacement);
      return;
    }
  }
  while (!cluster.empty()) {
    const auto character = cluster.substr(0, utf8::length(static_cast<unsigned char>(cluster.front())));
    if (const auto replacement = charsmap_.find_shortest(character)) {
      writer.replace(character, *replacement);
    } else {
      writer.keep(character);
    }
    cluster.remove_prefix(character.size());
  }
}

void CharsmapNormalizer::append(std::string_view text, std::string& normal) const {
  PlainWriter writer{normal};
  write(text, writer);
}

void CharsmapNormalizer::append(std::string_view text, std::size_t begin, std::string& normal,
                                Alignment& alignment) const {
  AlignedWriter writer(text, begin, normal, alignment);
  write(text, writer);
  writer.finish();
}

}  // namespace bgem3
