#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tokenizer/normalizers/alignment.h"

namespace bgem3 {

/// What a normalizer gets of a text at once.
struct TextPart {
  std::string_view text;  ///< valid UTF-8
  std::size_t begin = 0;  ///< its first byte in the whole text, to which alignments refer
  bool is_end = true;     ///< nothing follows before the next added token
};

/// Brings a text into the form of which words are cut. Immutable: any number of threads may use one at once.
class Normalizer {
 public:
  Normalizer() = default;
  Normalizer(const Normalizer&) = delete;
  Normalizer& operator=(const Normalizer&) = delete;
  virtual ~Normalizer() = default;

  /// Writes the normal form of a part, and its alignment unless that is null; both are empty before.
  virtual void normalize(const TextPart& part, std::string& normal, Alignment* alignment) const = 0;

  /// Whether capitals and small letters come out alike.
  [[nodiscard]] virtual bool lowers() const noexcept { return false; }
};

}  // namespace bgem3
