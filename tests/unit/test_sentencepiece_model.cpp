#include <filesystem>

#include <sentencepiece_processor.h>

#include <doctest/doctest.h>

#include "file/mapped_file.h"
#include "tokenizer/files/vocabulary.h"

using namespace bgem3;

TEST_CASE("every piece and score is what the sentencepiece library reads from the same file") {
  const auto file = std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "xlm-r-tokenizer" / "sentencepiece.bpe.model";
  const std::string bytes = read_text_file(file, std::size_t{64} << 20);
  const Vocabulary vocabulary = read_sentencepiece_model(bytes);
  sentencepiece::SentencePieceProcessor reference;
  REQUIRE(reference.LoadFromSerializedProto(bytes).ok());

  // Hugging Face's ids: one more for <pad> before the pieces, <mask> after them.
  REQUIRE(vocabulary.pieces.size() == static_cast<std::size_t>(reference.GetPieceSize()) + 2);
  int differences = 0;
  for (int id = 3; id < reference.GetPieceSize(); ++id) {
    const auto ours = static_cast<std::size_t>(id) + 1;
    if (vocabulary.pieces[ours] != reference.IdToPiece(id)) ++differences;
    if (vocabulary.scores[ours] != static_cast<double>(reference.GetScore(id))) ++differences;
  }
  CHECK(differences == 0);
  CHECK(vocabulary.pieces[250001] == "<mask>");
}
