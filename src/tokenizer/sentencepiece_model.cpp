#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include "bgem3/error.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/wire_reader.h"

namespace bgem3 {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr std::uint64_t normalizer_spec_field = 3;
constexpr std::uint64_t precompiled_charsmap_field = 2;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "sentencepiece model: " + what); }

std::string find_charsmap(std::string_view model) {
  const auto normalizer = detail::WireReader(model).find(normalizer_spec_field);
  if (!normalizer) return {};
  return std::string(detail::WireReader(*normalizer).find(precompiled_charsmap_field).value_or(""));
}

// XLM-R's model begins with <unk>, <s>, </s>; its pieces follow.
void check_layout(const sentencepiece::SentencePieceProcessor& processor) {
  static constexpr std::string_view expected[] = {"<unk>", "<s>", "</s>"};
  for (int id = 0; id < 3; ++id) {
    const bool there = id < processor.GetPieceSize() && processor.IdToPiece(id) == expected[id];
    if (!there) bad(fmt::format("piece {} should be '{}'; this is not the XLM-RoBERTa vocabulary", id, expected[id]));
  }
  if (processor.GetPieceSize() < 4) bad("it has no pieces");
}

}  // namespace

Vocabulary read_sentencepiece_model(const std::string& bytes) {
  sentencepiece::SentencePieceProcessor processor;
  if (const auto status = processor.LoadFromSerializedProto(bytes); !status.ok()) {
    bad(fmt::format("damaged file: {}", status.ToString()));
  }
  check_layout(processor);

  Vocabulary vocabulary;
  const auto add = [&](std::string_view piece, double score) {
    vocabulary.pieces.add(piece);
    vocabulary.scores.push_back(score);
  };
  for (const auto name : special_names) add(name, 0);
  for (int id = 3; id < processor.GetPieceSize(); ++id) {
    if (processor.IsControl(id) || processor.IsUnknown(id) || processor.IsByte(id) || processor.IdToPiece(id).empty()) {
      bad(fmt::format("piece {} '{}' is no ordinary piece", id, processor.IdToPiece(id)));
    }
    add(processor.IdToPiece(id), processor.GetScore(id));
  }
  vocabulary.special.mask = static_cast<std::int32_t>(vocabulary.pieces.size());
  add(mask_name, 0);
  vocabulary.charsmap = find_charsmap(bytes);
  return vocabulary;
}

}  // namespace bgem3
