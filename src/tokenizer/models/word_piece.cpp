#include "tokenizer/models/word_piece.h"

#include <algorithm>
#include <array>

#include "text/utf8.h"
#include "tokenizer/component_json.h"
#include "tokenizer/models/piece_trie.h"

namespace bgem3 {

WordPiece::WordPiece(const PieceTable& pieces, const Options& options)
    : unknown_id_(options.unknown_id),
      characters_max_(options.characters_max),
      trie_(build_piece_trie(pieces)),
      continuing_(trie_.root()) {
  for (const char byte : options.continuing_prefix) {
    if (continuing_ && !trie_.step(*continuing_, static_cast<unsigned char>(byte))) continuing_.reset();
  }
}

// The longest piece that `word` begins with.
WordPiece::Piece WordPiece::longest(DoubleArray::Cursor cursor, std::string_view word) const noexcept {
  Piece found;
  for (std::size_t at = 0; at < word.size() && trie_.step(cursor, static_cast<unsigned char>(word[at])); ++at) {
    if (cursor.has_value) found = {static_cast<std::int32_t>(trie_.value(cursor)), at + 1};
  }
  return found;
}

bool WordPiece::is_too_long(std::string_view word) const noexcept {
  if (word.size() <= characters_max_) return false;
  const auto characters = std::ranges::count_if(word, [](char byte) { return !utf8::is_tail(byte); });
  return static_cast<std::size_t>(characters) > characters_max_;
}

// False when a part of the word is no piece.
bool WordPiece::cut(std::string_view word, TokenIds& ids, std::vector<std::size_t>* ends) const {
  for (std::size_t at = 0; at < word.size();) {
    if (at > 0 && !continuing_) return false;
    const Piece piece = longest(at == 0 ? trie_.root() : *continuing_, word.substr(at));
    if (piece.size == 0) return false;
    at += piece.size;
    ids.push_back(piece.id);
    if (ends != nullptr) ends->push_back(at);
  }
  return true;
}

void WordPiece::segment(std::string_view word, std::size_t /*ids_max*/, Scratch& /*scratch*/, TokenIds& ids,
                        std::vector<std::size_t>* ends) const {
  const std::size_t before = ids.size();
  const std::size_t ends_before = ends != nullptr ? ends->size() : 0;
  if (!is_too_long(word) && cut(word, ids, ends)) return;
  ids.resize(before);
  ids.push_back(unknown_id_);
  if (ends == nullptr) return;
  ends->resize(ends_before);
  ends->push_back(word.size());
}

WordPiece::Options read_word_piece(const detail::JsonObject& component) {
  constexpr const char* limit = "max_input_chars_per_word";
  WordPiece::Options options;
  options.continuing_prefix = detail::required<std::string>(component, "continuing_subword_prefix");
  (void)detail::required<std::int64_t>(component, limit);
  options.characters_max = static_cast<std::size_t>(component.integer(limit, 0, 0));
  component.refuse_others(std::array{"type", "unk_token", "vocab"});
  return options;
}

}  // namespace bgem3
