#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/normalizer.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// The normalizer of BERT, in four steps of which each can be left out: control characters vanish and white space
/// becomes a space; a space comes before and after each Chinese character; characters are decomposed and lose their
/// marks; letters become small. Source: tokenizers, BertNormalizer.
class BertNormalizer final : public Normalizer {
 public:
  struct Options {
    bool clean_text = true;
    bool pad_chinese = true;
    std::optional<bool> strip_accents = std::nullopt;  ///< unset: as `lowercase`
    bool lowercase = true;
  };

  explicit BertNormalizer(const Options& options);

  void normalize(const TextPart& part, std::string& normal, Alignment* alignment) const override;
  [[nodiscard]] bool lowers() const noexcept override { return lowers_; }

 private:
  class Run;

  [[nodiscard]] std::string change(std::uint32_t code) const;
  [[nodiscard]] bool may_move(std::uint32_t code) const noexcept;
  void fill_table();
  std::size_t append_ascii(std::string_view text, std::size_t at, std::string& normal) const;
  std::size_t append_run(const TextPart& part, std::size_t at, std::string& normal, Alignment* alignment) const;
  std::size_t append_character(const TextPart& part, std::size_t at, std::string& normal) const;

  const bool cleans_, pads_, strips_, lowers_;
  std::array<unsigned char, 128> ascii_{};  // what an ASCII character becomes; not_simple for one that vanishes
  std::vector<std::uint32_t> changes_;      // by code point, of the first two planes
  std::string replacements_;                // to which these point
};

/// The options in a BertNormalizer of tokenizer.json.
/// @throws Error bad_model when one is missing or of another kind
BertNormalizer::Options read_bert_normalizer(const detail::JsonObject& component);

}  // namespace bgem3
