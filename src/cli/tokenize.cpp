#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/tokenizer.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/text_reader.h"

namespace bgem3::cli {
namespace {

void append_line(const Tokenizer& tokenizer, const TokenIds& ids, bool pieces, fmt::memory_buffer& buffer) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i != 0) buffer.push_back(' ');
    if (pieces) {
      const auto piece = tokenizer.piece(ids[i]);
      buffer.append(piece.data(), piece.data() + piece.size());
    } else {
      fmt::format_to(std::back_inserter(buffer), "{}", ids[i]);
    }
  }
  buffer.push_back('\n');
}

}  // namespace

int tokenize(const TokenizeArguments& arguments) {
  const Tokenizer tokenizer = Tokenizer::load(arguments.model, {.pipeline = parse_pipeline(arguments.pipeline)});
  TextReader reader(arguments.input);
  OutputFile output("-", OutputFile::Mode::create);
  const Interrupt interrupt;

  constexpr std::size_t chunk_texts = 65536;
  constexpr std::size_t chunk_bytes = 4 * 1024 * 1024;
  while (true) {
    const TextChunk chunk = reader.read(chunk_texts, chunk_bytes);
    if (chunk.texts.empty()) return Interrupt::exit_status();
    const std::vector<std::string_view> texts(chunk.texts.begin(), chunk.texts.end());
    fmt::memory_buffer buffer;
    for (const auto& ids : tokenizer.encode_batch(texts, arguments.max_length)) {
      append_line(tokenizer, ids, arguments.format == "pieces", buffer);
    }
    if (output.append({buffer.data(), buffer.size()}) != buffer.size()) {
      throw Error(ErrorCode::io_error, fmt::format("{} cannot be written: {}", output.name(), output.failure()));
    }
  }
}

}  // namespace bgem3::cli
