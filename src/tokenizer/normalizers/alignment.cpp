#include "tokenizer/normalizers/alignment.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace bgem3 {
namespace {

std::ptrdiff_t count_characters(std::string_view text) noexcept {
  return std::ranges::count_if(text, [](char byte) { return !utf8::is_tail(byte); });
}

// Calls visit(bytes) for each character.
template <typename Visit>
void visit_characters(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t bytes = utf8::length(static_cast<unsigned char>(text.front()));
    visit(bytes);
    text.remove_prefix(bytes);
  }
}

}  // namespace

void AlignedWriter::keep(std::string_view characters) {
  *normal_ += characters;
  visit_characters(characters, [this](std::size_t bytes) { put(bytes, 0); });
}

void AlignedWriter::replace(std::string_view characters, std::string_view replacement) {
  *normal_ += replacement;
  const std::ptrdiff_t room = count_characters(characters);
  std::ptrdiff_t written = 0;
  visit_characters(replacement, [&](std::size_t bytes) { put(bytes, ++written > room ? 1 : 0); });
  if (written < room && waiting_bytes_ != 0) waiting_change_ -= room - written;
}

void AlignedWriter::finish() { put(0, 0); }

// Places the character that waits, and lets another one wait.
void AlignedWriter::put(std::size_t bytes, std::ptrdiff_t change) {
  const std::size_t place = waiting_change_ > 0 ? last_character() : next_;
  alignment_->insert(alignment_->end(), waiting_bytes_, begin_ + place);
  if (waiting_bytes_ != 0) {
    for (std::ptrdiff_t used = waiting_change_; used <= 0; ++used) skip_character();
  }
  waiting_bytes_ = bytes;
  waiting_change_ = change;
}

std::size_t AlignedWriter::last_character() const noexcept {
  std::size_t place = next_;
  do {
    if (place == 0) break;
    --place;
  } while (utf8::is_tail(text_[place]));
  return place;
}

void AlignedWriter::skip_character() noexcept {
  if (next_ < text_.size()) next_ += utf8::length(static_cast<unsigned char>(text_[next_]));
}

void merge_spaces(std::string& text, std::string_view merged, Alignment* alignment) {
  std::size_t end = 0;  // of what is copied
  std::string result;
  Alignment aligned;
  const auto copy = [&](std::size_t until) {
    result.append(text, end, until - end);
    if (alignment == nullptr) return;
    const auto from = alignment->begin();
    aligned.insert(aligned.end(), from + static_cast<std::ptrdiff_t>(end), from + static_cast<std::ptrdiff_t>(until));
  };
  for (auto run = text.find("  "); run != std::string::npos; run = text.find("  ", end)) {
    copy(run);
    result += merged;
    end = std::min(text.find_first_not_of(' ', run), text.size());
    if (alignment != nullptr) aligned.insert(aligned.end(), merged.size(), (*alignment)[end - 1]);
  }
  if (end == 0) return;
  copy(text.size());
  text = std::move(result);
  if (alignment != nullptr) *alignment = std::move(aligned);
}

}  // namespace bgem3
