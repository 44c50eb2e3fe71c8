#include "text/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/decoders/decoder.h"

namespace bgem3 {
namespace {

class ByteLevelDecoder final : public Decoder {
 public:
  void append(std::string_view piece, bool /*is_first*/, std::string& text) const override {
    if (const auto bytes = alphabet_.bytes(piece)) {
      text += *bytes;
    } else {
      text += piece;
    }
  }

  void finish(std::string& text) const override {
    if (utf8::valid_prefix(text) != text.size()) text = utf8::repair(text);
  }

 private:
  ByteAlphabet alphabet_;
};

}  // namespace

std::unique_ptr<const Decoder> make_byte_level_decoder() { return std::make_unique<ByteLevelDecoder>(); }

}  // namespace bgem3
