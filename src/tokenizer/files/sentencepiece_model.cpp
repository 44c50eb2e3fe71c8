#include <cmath>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "tokenizer/files/vocabulary.h"
#include "tokenizer/files/wire_reader.h"

// Read without the sentencepiece library: that builds its own search structures, which nobody would use (0.4 s and 60
// MB), and encodes whatever self-test a file brings along.

namespace bgem3 {
namespace {

using detail::in_quotes;

using detail::WireReader;
using Type = WireReader::Type;

// Field numbers of sentencepiece_model.proto.
enum ModelField : std::uint8_t { pieces_field = 1, trainer_field = 2, normalizer_field = 3 };
enum PieceField : std::uint8_t { text_field = 1, score_field = 2, type_field = 3 };
enum TrainerField : std::uint8_t { model_type_field = 3, whitespace_suffix_field = 24, byte_fallback_field = 35 };
enum NormalizerField : std::uint8_t {
  charsmap_field = 2,
  dummy_prefix_field = 3,
  extra_whitespace_field = 4,
  escape_whitespace_field = 5
};

enum class PieceType : std::uint8_t { normal = 1, unknown = 2, control = 3 };

struct Piece {
  std::string_view text;
  float score = 0;
  std::uint64_t type = static_cast<std::uint64_t>(PieceType::normal);
};

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "sentencepiece model: " + what); }

template <typename Visit>
void for_each_field(std::string_view message, const char* name, const Visit& visit) {
  WireReader reader(message);
  while (const auto field = reader.next()) visit(*field);
  if (reader.is_damaged()) bad(fmt::format("its {} is damaged; the file may be cut off, or a Git LFS pointer", name));
}

Piece read_piece(std::string_view message) {
  Piece piece;
  for_each_field(message, "list of pieces", [&](const WireReader::Field& field) {
    if (field.is(text_field, Type::delimited)) piece.text = field.content;
    if (field.is(score_field, Type::fixed32)) std::memcpy(&piece.score, field.content.data(), sizeof piece.score);
    if (field.is(type_field, Type::varint)) piece.type = field.value;
  });
  return piece;
}

void check_trainer(std::string_view message) {
  static constexpr std::string_view kinds[] = {"unigram", "bpe", "word", "char"};  // 1, 2, 3, 4
  for_each_field(message, "trainer_spec", [](const WireReader::Field& field) {
    if (field.is(model_type_field, Type::varint) && field.value != 1) {
      const bool is_known = field.value - 1 < std::size(kinds);
      bad(fmt::format("a {} model is not supported; expected unigram, as XLM-RoBERTa has",
                      is_known ? kinds[field.value - 1] : "strange"));
    }
    if (field.is(byte_fallback_field, Type::varint) && field.value != 0) bad("byte_fallback is not supported");
    if (field.is(whitespace_suffix_field, Type::varint) && field.value != 0) {
      bad("treat_whitespace_as_suffix is not supported");
    }
  });
}

void read_normalizer(std::string_view message, Vocabulary& vocabulary) {
  for_each_field(message, "normalizer_spec", [&](const WireReader::Field& field) {
    if (field.is(charsmap_field, Type::delimited)) vocabulary.charsmap = field.content;
    const bool is_switch = field.number >= dummy_prefix_field && field.number <= escape_whitespace_field;
    if (is_switch && field.type == Type::varint && field.value == 0) {
      bad("it is to leave white space as it is; the XLM-RoBERTa vocabulary "
          "marks words by it");
    }
  });
}

// The file begins with <unk>, <s>, </s>, which Hugging Face numbers otherwise; ordinary pieces follow.
void add_piece(const Piece& piece, std::size_t id, Vocabulary& vocabulary) {
  static constexpr std::string_view leading[] = {"<unk>", "<s>", "</s>"};
  if (id < std::size(leading)) {
    const auto expected = id == 0 ? PieceType::unknown : PieceType::control;
    if (piece.text == leading[id] && piece.type == static_cast<std::uint64_t>(expected)) return;
    bad(
        fmt::format("piece {} should be '{}', found {}; this is not the "
                    "XLM-RoBERTa vocabulary",
                    id, leading[id], in_quotes(piece.text)));
  }
  if (piece.type != static_cast<std::uint64_t>(PieceType::normal)) {
    bad(
        fmt::format("piece {} {} is of type {}, which is not supported; "
                    "expected an ordinary piece (1)",
                    id, in_quotes(piece.text), piece.type));
  }
  vocabulary.add(piece.text, piece.score);
}

}  // namespace

Vocabulary read_sentencepiece_model(std::string_view bytes) {
  Vocabulary vocabulary;
  for (const auto name : special_names) vocabulary.add(name, 0);
  std::size_t count = 0;
  for_each_field(bytes, "list of parts", [&](const WireReader::Field& field) {
    if (field.is(pieces_field, Type::delimited)) add_piece(read_piece(field.content), count++, vocabulary);
    if (field.is(trainer_field, Type::delimited)) check_trainer(field.content);
    if (field.is(normalizer_field, Type::delimited)) read_normalizer(field.content, vocabulary);
  });
  if (vocabulary.pieces.size() <= std::size(special_names)) bad("it has no pieces");
  vocabulary.add(mask_name, 0);
  return vocabulary;
}

}  // namespace bgem3
