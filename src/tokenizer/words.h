#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "bgem3/tokenizer.h"

namespace bgem3 {

enum class SpecialName { cls, pad, eos, unk, mask };

/// A special token written out in a text, e.g. "<mask>".
struct SpecialMatch {
  SpecialName name;
  std::size_t begin, size;  // bytes
};

/// The first special token in `text`, exact to the byte.
std::optional<SpecialMatch> find_special(std::string_view text) noexcept;

/// `text`, valid UTF-8, without the white space at its end.
std::string_view strip_right(std::string_view text) noexcept;

/// Cuts normalised text into words, each beginning with "▁" (U+2581), as the pre-tokenizers of the two pipelines do.
class WordSplitter {
 public:
  WordSplitter(std::string_view normal, TokenizerPipeline pipeline) noexcept : rest_(normal), pipeline_(pipeline) {}

  /// Writes the next word; false when there is none.
  bool next(std::string& word);

 private:
  bool next_classic(std::string& word);
  bool next_replace(std::string& word);
  void take_word(std::size_t size, std::string& word);

  std::string_view rest_;
  TokenizerPipeline pipeline_;
  bool at_start_ = true;
};

}  // namespace bgem3
