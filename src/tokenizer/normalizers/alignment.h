#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3 {

/// Where each byte of a text's normal form comes from: the byte of the text at which its character begins.
using Alignment = std::vector<std::size_t>;

/// Writes the normal form of a text together with its alignment, by the rules of tokenizers:
/// * The characters of a replacement are aligned one by one with those that it replaces.
/// * If the replacement is longer, the rest of it is aligned with the last character replaced.
/// * If it is shorter, the rest of what it replaces is skipped after the last character written. If none was written
/// yet,
///   because the text begins with a deleted character, nothing is skipped, and all that follows is aligned too early.
/// Source: tokenizers, Precompiled::normalize and NormalizedString::transform_range.
class AlignedWriter {
 public:
  /// `text` begins at byte `begin` of the whole text, to which the alignment refers.
  AlignedWriter(std::string_view text, std::size_t begin, std::string& normal, Alignment& alignment) noexcept
      : text_(text), begin_(begin), normal_(&normal), alignment_(&alignment) {}

  /// Characters that stay as they are.
  void keep(std::string_view characters);

  /// Characters in whose place others come, or none.
  void replace(std::string_view characters, std::string_view replacement);

  /// Places the last character.
  void finish();

 private:
  void put(std::size_t bytes, std::ptrdiff_t change);
  [[nodiscard]] std::size_t last_character() const noexcept;
  void skip_character() noexcept;

  std::string_view text_;
  std::size_t begin_;
  std::size_t next_ = 0;  // of the text, up to which its characters have been used
  std::string* normal_;
  Alignment* alignment_;
  // The character that was written last, as the next replacement may change it.
  std::size_t waiting_bytes_ = 0;
  std::ptrdiff_t waiting_change_ = 0;  // 1: another one at the place before; 0: one for one; -n: and n are skipped
};

/// Each run of two spaces and more becomes `merged`, placed at the last of them.
/// @param alignment  of `text`, or null
void merge_spaces(std::string& text, std::string_view merged, Alignment* alignment);

}  // namespace bgem3
