#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3 {

/// The normalisation rules of a sentencepiece model: a trie of byte strings in the format of darts-clone, then the
/// replacements, each ended by NUL. The bytes come from a file, so every step is checked.
class Charsmap {
 public:
  /// @param precompiled  as stored in the model; empty means no rules
  /// @throws Error bad_model when it is damaged
  explicit Charsmap(std::string_view precompiled);

  /// The replacement by the shortest rule that is a prefix of `text`; nothing
  /// when no rule is. This, not the longest, is what Hugging Face takes.
  [[nodiscard]] std::optional<std::string_view> find_shortest(std::string_view text) const noexcept;

 private:
  std::vector<std::uint32_t> trie_;
  std::string replacements_;
};

}  // namespace bgem3
