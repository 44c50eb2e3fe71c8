#include "tokenizer/offset_recorder.h"

#include "text/utf8.h"

namespace bgem3 {

std::size_t OffsetRecorder::end_of_character(std::size_t begin) const noexcept {
  return begin + utf8::length(static_cast<unsigned char>(text_[begin]));
}

void OffsetRecorder::add_token(std::size_t begin, std::size_t end) { offsets_.push_back({begin, end, words_++}); }

void OffsetRecorder::add_normal_token(std::size_t begin, std::size_t end) {
  add_token(alignment_[begin], end_of_character(alignment_[end - 1]));
}

void OffsetRecorder::add_word(const WordCursor& cursor, std::size_t begin) {
  std::size_t token = 0;  // where it begins in the word
  for (const std::size_t end : ends_) {
    const std::size_t first = alignment_[begin + cursor.source(token)];
    const std::size_t last = alignment_[begin + cursor.source(end - 1)];
    offsets_.push_back({first, end_of_character(last), words_});
    token = end;
  }
  ends_.clear();
  ++words_;
}

}  // namespace bgem3
