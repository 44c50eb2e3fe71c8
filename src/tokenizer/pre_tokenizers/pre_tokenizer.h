#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bgem3 {

/// Where the cutting of a normalised text into words stands, and the word that was cut last.
struct WordCursor {
  /// `marked` has to outlive the cursor.
  WordCursor(std::string_view text, std::string& marked) noexcept : normal(text), rest(text), buffer(marked) {}

  /// Takes the next `size` bytes for a word.
  void take(std::size_t size) noexcept {
    begin = normal.size() - rest.size();
    word = rest.substr(0, size);
    rest.remove_prefix(word.size());
    mark_bytes = 0;
  }

  /// Puts a mark before the word, which stands for byte `place` of the normalised text.
  void mark(std::string_view text, std::size_t place) {
    buffer = text;
    buffer += word;
    word = buffer;
    mark_bytes = text.size();
    mark_place = place;
  }

  /// The byte of the normalised text for which byte `at` of the word stands.
  [[nodiscard]] std::size_t source(std::size_t at) const noexcept {
    return at < mark_bytes ? mark_place : begin + at - mark_bytes;
  }

  std::string_view normal;
  std::string_view rest;  ///< of it, after the word
  std::string_view word;
  std::size_t begin = 0;  ///< of the word in the normalised text, without its mark
  std::size_t mark_bytes = 0;
  std::size_t mark_place = 0;
  std::string& buffer;  ///< for a word with a mark
};

/// Cuts a normalised text into words. Immutable: any number of threads may use one at once.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;
  virtual ~PreTokenizer() = default;

  /// Cuts the next word, which is not empty. False when there is none.
  virtual bool next(WordCursor& cursor) const = 0;
};

}  // namespace bgem3
