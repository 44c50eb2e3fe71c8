#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/alignment.h"
#include "tokenizer/normalizers/charsmap.h"
#include "tokenizer/normalizers/grapheme.h"

namespace bgem3 {

/// Applies the rules of a Charsmap the way the Hugging Face tokenizer does: to one extended grapheme cluster at a time.
/// A cluster of fewer than six bytes for which a rule begins is replaced as a whole; otherwise each of its characters
/// is looked up by itself. Source: tokenizers, the Precompiled normalizer.
class CharsmapNormalizer {
 public:
  explicit CharsmapNormalizer(Charsmap charsmap);

  /// Appends the normal form of `text`, which must be valid UTF-8, to `normal`.
  void append(std::string_view text, std::string& normal) const;

  /// The same, and its alignment, to a text of which `text` is the part from byte `begin` on.
  void append(std::string_view text, std::size_t begin, std::string& normal, Alignment& alignment) const;

 private:
  // What is known of a character before looking closer: its GraphemeClass, and
  enum Trait : std::uint8_t {
    class_mask = 0x1f,
    has_rule = 0x20,  // a rule begins with it
    back = 0x40,      // may belong to the cluster before it
    ahead = 0x80,     // may draw the next character into its cluster
  };
  struct Character {
    std::uint8_t traits;
    std::size_t end;
  };

  [[nodiscard]] std::uint8_t find_traits(std::uint32_t code_point) const noexcept;
  [[nodiscard]] Character character_at(std::string_view text, std::size_t at) const noexcept;
  [[nodiscard]] std::size_t skip_printable(std::string_view text, std::size_t at) const noexcept;
  [[nodiscard]] std::size_t cluster_end(std::string_view text, Character first) const noexcept;
  template <typename Writer>
  void write(std::string_view text, Writer& writer) const;
  template <typename Writer>
  void write_cluster(std::string_view cluster, Writer& writer) const;

  Charsmap charsmap_;
  std::vector<std::uint8_t> traits_;  // by code point, basic multilingual plane
  bool printable_is_plain_ = true;    // no rule touches U+0020 to U+007E
};

}  // namespace bgem3
