#include "cli/text_reader.h"

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

namespace fs = std::filesystem;

bool choose_jsonl(const InputOptions& options) {
  return options.format.empty() ? options.path.ends_with(".jsonl") : options.format == "jsonl";
}

}  // namespace

void add_input_options(CLI::App& command, InputOptions& options) {
  command.add_option("--input", options.path, "File to read, - for standard input")
      ->type_name("FILE")
      ->capture_default_str();
  command
      .add_option("--input-format", options.format,
                  "lines: one text a line; jsonl: {\"id\": …, \"text\": …} a line [by name: *.jsonl is jsonl]")
      ->check(CLI::IsMember({"lines", "jsonl"}));
}

TextReader::TextReader(const InputOptions& options)
    : name_(options.path == "-" ? "standard input" : options.path), is_jsonl_(choose_jsonl(options)), in_(&std::cin) {
  if (options.path == "-") {
    std::ios::sync_with_stdio(false);
    return;
  }
  std::error_code error;
  errno = 0;
  if (!fs::is_directory(options.path, error)) file_.open(options.path, std::ios::binary);
  if (!file_.is_open()) {
    const int reason = errno != 0 ? errno : EISDIR;
    throw Error(ErrorCode::io_error,
                fmt::format("'{}' cannot be read: {}", options.path, std::generic_category().message(reason)));
  }
  if (fs::is_regular_file(options.path, error)) bytes_total_ = fs::file_size(options.path, error);
  in_ = &file_;
}

bool TextReader::read_line(std::string& line) {
  if (!std::getline(*in_, line)) return false;
  ++lines_read_;
  bytes_read_ += line.size() + 1;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

void TextReader::bad_line(const std::string& found) const {
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("{}, line {}: expected a JSON object with a string \"text\", found {}", name_, lines_read_, found));
}

void TextReader::add_line(const std::string& line, TextChunk& chunk) const {
  if (!is_jsonl_) {
    chunk.texts.push_back(line);
    chunk.ids.emplace_back(lines_read_ - 1);
    return;
  }
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) bad_line(fmt::format("invalid JSON (or UTF-8): {}", line.substr(0, 60)));
  if (!json.is_object()) bad_line(json.type_name());
  const auto text = json.find("text");
  if (text == json.end()) bad_line("no \"text\"");
  if (!text->is_string()) bad_line(fmt::format("\"text\" of type {}", text->type_name()));
  chunk.texts.push_back(text->get<std::string>());
  chunk.ids.push_back(json.contains("id") ? json["id"] : nlohmann::json(lines_read_ - 1));
}

TextChunk TextReader::read(std::size_t texts_max, std::size_t bytes_max) {
  TextChunk chunk;
  if (failure_) std::rethrow_exception(failure_);
  const std::uint64_t bytes_begin = bytes_read_;
  std::string line;
  while (chunk.texts.size() < texts_max && bytes_read_ - bytes_begin < bytes_max && read_line(line)) {
    try {
      add_line(line, chunk);
    } catch (const Error&) {
      if (chunk.texts.empty()) throw;
      failure_ = std::current_exception();
      break;
    }
  }
  chunk.bytes_end = bytes_read_;
  return chunk;
}

void TextReader::skip(std::size_t count) {
  std::string line;
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_line(line)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{} has {} texts, the output to resume has {}; they do not belong together", name_,
                              lines_read_, count));
    }
  }
}

}  // namespace bgem3::cli
