#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tokenizer/code_table.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace bgem3 {

/// Words of bytes, for which tokenizers writes characters of its own, by one of the regular expressions that models
/// have. Source: tokenizers, ByteLevel and Split.
class ByteLevel final : public PreTokenizer {
 public:
  enum class Pattern : std::uint8_t {
    none,   ///< a text is one word
    gpt_2,  ///< English contractions, letters, numbers, other characters, each with the space before it, white space
    cl100k  ///< The same, but letters take any one character before them, and lines end words. Numbers are cut.
  };
  struct Options {
    bool add_prefix_space = false;  ///< before a text that begins without one; not with cl100k
    Pattern pattern = Pattern::gpt_2;
    std::size_t digits_max = 1;  ///< of cl100k, in one word
  };

  explicit ByteLevel(const Options& options) : options_(options) {}

  bool next(WordCursor& cursor) const override;

 private:
  enum class Kind : std::uint8_t { letter, number, space, other };

  static Kind find_kind(std::uint32_t code);
  [[nodiscard]] std::size_t end_of_kind(std::string_view text, std::size_t at, Kind kind) const noexcept;
  [[nodiscard]] std::size_t white_space(std::string_view text, bool after_space) const noexcept;
  [[nodiscard]] std::size_t match_gpt_2(std::string_view text, bool after_space) const noexcept;
  [[nodiscard]] std::size_t digits(std::string_view text) const noexcept;
  [[nodiscard]] std::size_t lines(std::string_view text) const noexcept;
  [[nodiscard]] std::size_t match_cl100k(std::string_view text) const noexcept;
  [[nodiscard]] std::size_t match(std::string_view text, bool after_space) const noexcept;

  Options options_;
  detail::CodeTable<Kind> characters_{find_kind};
};

/// The options that stand for these steps of tokenizer.json; nothing for other steps.
/// @throws Error bad_model when an option is missing or of another kind
std::optional<ByteLevel::Options> read_byte_level(const std::vector<nlohmann::json>& steps);

}  // namespace bgem3
