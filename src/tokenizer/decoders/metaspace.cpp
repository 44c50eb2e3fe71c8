#include "tokenizer/decoders/decoder.h"

namespace bgem3 {
namespace {

constexpr std::string_view word_mark = "▁";

class MetaspaceDecoder final : public Decoder {
 public:
  void append(std::string_view piece, bool is_first, std::string& text) const override {
    if (is_first && piece.starts_with(word_mark)) piece.remove_prefix(word_mark.size());
    for (auto mark = piece.find(word_mark); mark != std::string_view::npos; mark = piece.find(word_mark)) {
      text.append(piece.substr(0, mark)) += ' ';
      piece.remove_prefix(mark + word_mark.size());
    }
    text += piece;
  }
};

}  // namespace

std::unique_ptr<const Decoder> make_metaspace_decoder() { return std::make_unique<MetaspaceDecoder>(); }

}  // namespace bgem3
