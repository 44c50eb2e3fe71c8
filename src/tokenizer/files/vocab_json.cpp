#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/json_object.h"
#include "file/json.h"
#include "tokenizer/files/vocabulary.h"

namespace bgem3 {

using detail::in_quotes;
using detail::JsonObject;

void take_numbered_pieces(const nlohmann::json& entries, std::string_view place, Vocabulary& vocabulary) {
  const auto bad = [&](const std::string& what) {
    return Error(ErrorCode::bad_model, fmt::format("{} {}", place, what));
  };
  std::vector<const std::string*> pieces(entries.is_object() ? entries.size() : 0, nullptr);
  if (pieces.empty()) throw bad("should be an object of pieces with their ids");
  for (const auto& [piece, id] : entries.items()) {
    const auto number = id.is_number_unsigned() ? id.get<std::uint64_t>() : pieces.size();
    if (number >= pieces.size() || pieces[number] != nullptr) {
      throw bad(fmt::format("gives {} the id {}; expected one of 0 to {} that no other piece has", in_quotes(piece),
                            JsonObject::brief(id), pieces.size() - 1));
    }
    pieces[number] = &piece;
  }
  for (const auto* piece : pieces) vocabulary.add(*piece);
}

Vocabulary read_vocab_json(std::string_view text) {
  const auto document = parse_json(text, pieces_max + 1);
  if (!document.fault.empty()) throw Error(ErrorCode::bad_model, "the file " + document.fault);
  Vocabulary vocabulary;
  vocabulary.model_type = byte_pair_type;
  take_numbered_pieces(document.value, "the file", vocabulary);
  return vocabulary;
}

}  // namespace bgem3
