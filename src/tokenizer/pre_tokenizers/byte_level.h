#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tokenizer/code_table.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// Words by the regular expression of GPT-2: English contractions, letters, numbers, other characters, each with the
/// space before it, and white space. Words are bytes of the text, for which tokenizers writes characters of its own.
/// Source: tokenizers, ByteLevel.
class ByteLevel final : public PreTokenizer {
 public:
  struct Options {
    bool add_prefix_space = false;  ///< before a text that begins without one
    bool use_regex = true;          ///< false: a text is one word
  };

  explicit ByteLevel(const Options& options) : options_(options) {}

  bool next(WordCursor& cursor) const override;

 private:
  enum class Kind : std::uint8_t { letter, number, space, other };

  static Kind find_kind(std::uint32_t code);
  [[nodiscard]] std::size_t end_of_kind(std::string_view text, std::size_t at, Kind kind) const noexcept;
  [[nodiscard]] std::size_t white_space(std::string_view text, bool after_space) const noexcept;
  [[nodiscard]] std::size_t match(std::string_view text, bool after_space) const noexcept;

  Options options_;
  detail::CodeTable<Kind> characters_{find_kind};
};

/// The options in a ByteLevel pre-tokenizer of tokenizer.json.
/// @throws Error bad_model when one is missing or of another kind
ByteLevel::Options read_byte_level(const detail::JsonObject& component);

}  // namespace bgem3
