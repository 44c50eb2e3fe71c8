#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace bgem3 {

/// Makes text of pieces. Immutable: any number of threads may use one at once.
class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual ~Decoder() = default;

  /// Appends what a piece stands for. `is_first`: no piece comes before it.
  virtual void append(std::string_view piece, bool is_first, std::string& text) const = 0;

  /// Brings the text of all pieces into its final form.
  virtual void finish(std::string& /*text*/) const {}
};

/// "▁" stands for a space, but at the beginning of a text. Source: tokenizers, Metaspace.
std::unique_ptr<const Decoder> make_metaspace_decoder();

/// Characters stand for bytes, as ByteAlphabet has them. What is not UTF-8 then becomes U+FFFD. Source: tokenizers,
/// ByteLevel.
std::unique_ptr<const Decoder> make_byte_level_decoder();

/// A space comes before each piece but the first and those with the prefix, which goes. `cleans_up`: as English writes
/// punctuation and contractions, piece by piece. Source: tokenizers, WordPiece.
std::unique_ptr<const Decoder> make_word_piece_decoder(std::string prefix, bool cleans_up);

}  // namespace bgem3
