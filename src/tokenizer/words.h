#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bgem3 {

/// How normalised text is cut into words.
enum class WordRule {
  split_white_space,  ///< White space ends a word and vanishes: WhitespaceSplit, then Metaspace.
  merge_spaces        ///< A run of spaces becomes one word mark: Replace " {2,}" by " ", then Metaspace.
};

/// `text`, valid UTF-8, without the white space at its end.
std::string_view strip_right(std::string_view text) noexcept;

/// The same at its beginning.
std::string_view strip_left(std::string_view text) noexcept;

/// Cuts normalised text into words, each beginning with "▁" (U+2581), as the pre-tokenizers do.
class WordSplitter {
 public:
  WordSplitter(std::string_view normal, WordRule rule) noexcept : normal_(normal), rest_(normal), rule_(rule) {}

  /// Writes the next word; false when there is none.
  bool next(std::string& word);

  /// The byte of the normalised text for which byte `at` of the last word stands. A mark stands for the last of the
  /// spaces that it replaces, one that was put before a word for the word's first byte.
  [[nodiscard]] std::size_t source(std::size_t at) const noexcept;

 private:
  bool next_between_spaces(std::string& word);
  bool next_with_mark(std::string& word);
  void take_word(std::size_t size, std::string& word);

  std::string_view normal_;
  std::string_view rest_;
  std::size_t taken_from_ = 0;  // where the last word, without a mark put before it, begins in the text
  std::size_t mark_bytes_ = 0;  // of that mark
  WordRule rule_;
  bool at_start_ = true;
};

}  // namespace bgem3
