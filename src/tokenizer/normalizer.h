#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/charsmap.h"

namespace bgem3 {

/// Applies the rules of a Charsmap the way the Hugging Face tokenizer does: to one extended grapheme cluster at a time.
/// A cluster of fewer than six bytes for which a rule begins is replaced as a whole; otherwise each of its characters
/// is looked up by itself. Source: tokenizers, the Precompiled normalizer.
class Normalizer {
 public:
  explicit Normalizer(Charsmap charsmap);

  /// Appends the normal form of `text`, which must be valid UTF-8, to `normal`.
  void append(std::string_view text, std::string& normal) const;

 private:
  // What is known of a character before looking closer.
  enum Trait : std::uint8_t {
    has_rule = 1,  // some rule begins with it
    joins = 2,     // may belong to one cluster with a neighbour
  };

  [[nodiscard]] std::uint8_t traits_of(std::uint32_t code_point) const noexcept;
  [[nodiscard]] std::size_t cluster_end(std::string_view text, std::size_t begin) const noexcept;
  void append_cluster(std::string_view cluster, std::string& normal) const;
  void append_character(std::string_view character, std::string& normal) const;

  Charsmap charsmap_;
  std::vector<std::uint8_t> traits_;  // by code point, basic multilingual plane
};

}  // namespace bgem3
