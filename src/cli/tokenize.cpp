#include <cstddef>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/tokenizer.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/protected_files.h"
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

// A record without a text is an empty line, which no text is.
void append_lines(const Tokenizer& tokenizer, const std::vector<TokenIds>& texts, const std::vector<std::size_t>& null,
                  bool pieces, fmt::memory_buffer& buffer) {
  auto text = texts.begin();
  auto next_null = null.begin();
  for (std::size_t record = 0; record < texts.size() + null.size(); ++record) {
    if (next_null != null.end() && *next_null == record) {
      buffer.push_back('\n');
      ++next_null;
    } else {
      append_line(tokenizer, *text++, pieces, buffer);
    }
  }
}

}  // namespace

int tokenize(const TokenizeArguments& arguments) {
  const Tokenizer tokenizer = Tokenizer::load(arguments.model, {.pipeline = parse_pipeline(arguments.pipeline)});
  ProtectedFiles files;
  files.add_input(arguments.input.path);
  files.add_model(arguments.model);
  files.refuse_standard_output();
  OutputFile output("-");
  const Interrupt interrupt;  // from here on: what reads may have to wait
  TextReader reader(arguments.input);

  constexpr std::size_t chunk_texts = 65536;
  constexpr std::size_t chunk_bytes = 4 * 1024 * 1024;
  while (true) {
    const TextChunk chunk = reader.read(chunk_texts, chunk_bytes);
    if (chunk.ids.empty()) {
      reader.tell_bad_records();
      return Interrupt::exit_status();
    }
    const std::vector<std::string_view> texts(chunk.texts.begin(), chunk.texts.end());
    fmt::memory_buffer buffer;
    append_lines(tokenizer, tokenizer.encode_batch(texts, arguments.max_length), chunk.null,
                 arguments.format == "pieces", buffer);
    if (output.append({buffer.data(), buffer.size()}) != buffer.size()) {
      throw Error(ErrorCode::io_error, fmt::format("{} cannot be written: {}", output.name(), output.failure()));
    }
  }
}

}  // namespace bgem3::cli
