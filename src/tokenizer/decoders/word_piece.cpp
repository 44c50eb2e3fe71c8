#include <utility>

#include "tokenizer/decoders/decoder.h"

namespace bgem3 {
namespace {

constexpr std::pair<std::string_view, std::string_view> joined[] = {
    {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
    {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

void replace_all(std::string& text, std::string_view loose, std::string_view tight) {
  for (auto at = text.find(loose); at != std::string::npos; at = text.find(loose, at + tight.size())) {
    text.replace(at, loose.size(), tight);
  }
}

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleans_up) : prefix_(std::move(prefix)), cleans_up_(cleans_up) {}

  void append(std::string_view piece, bool is_first, std::string& text) const override {
    std::string word;
    if (is_first) {
      word = piece;
    } else if (piece.starts_with(prefix_)) {
      word = piece.substr(prefix_.size());
    } else {
      (word = ' ') += piece;
    }
    if (cleans_up_) {
      for (const auto& [loose, tight] : joined) replace_all(word, loose, tight);
    }
    text += word;
  }

 private:
  std::string prefix_;
  bool cleans_up_;
};

}  // namespace

std::unique_ptr<const Decoder> make_word_piece_decoder(std::string prefix, bool cleans_up) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleans_up);
}

}  // namespace bgem3
