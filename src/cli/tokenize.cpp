#include <memory>
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

struct Arguments {
  std::string model;
  InputOptions input;
  std::string format = "ids";
  std::string pipeline = "classic";
  std::size_t max_length = 0;
};

constexpr const char* footer =
    R"(One line for each text: its ids or pieces with a space between, <s> and </s> included. The model directory needs
only its tokenizer. --input-format jsonl lets a text contain anything, line ends included.

Examples:
  bgem3 tokenize --model bge-m3 --format pieces < texts.txt
  bgem3 tokenize --model bge-m3 --input texts.jsonl --max-length 512)";

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

int run(const Arguments& arguments) {
  TokenizerOptions options;
  if (arguments.pipeline == "replace") options.pipeline = TokenizerPipeline::replace;
  const Tokenizer tokenizer = Tokenizer::load(arguments.model, options);
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

}  // namespace

void add_tokenize(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("tokenize", "Turn texts into token ids");
  command->footer(footer);
  const auto arguments = std::make_shared<Arguments>();
  add_model_option(*command, arguments->model);
  add_input_options(*command, arguments->input);
  command->add_option("--format", arguments->format, "What to print")
      ->check(CLI::IsMember({"ids", "pieces"}))
      ->capture_default_str();
  command->add_option("--max-length", arguments->max_length, "Ids of a text, longer ones are cut [no limit]")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--pipeline", arguments->pipeline, "Ids of transformers 5 (classic) or of tokenizer.json (replace)")
      ->check(CLI::IsMember({"classic", "replace"}))
      ->capture_default_str();
  command->callback([&chosen, arguments] { chosen = [arguments] { return run(*arguments); }; });
}

}  // namespace bgem3::cli
