#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "text/utf8.h"
#include "text/white_space.h"
#include "tokenizer/files/vocabulary.h"

namespace bgem3 {
namespace {

// The next line without its end, and without the white space before that, as tokenizers takes it.
std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return strip_right(line);
}

}  // namespace

Vocabulary read_vocab_txt(std::string_view text) {
  if (const auto valid = utf8::valid_prefix(text); valid != text.size()) {
    throw Error(ErrorCode::bad_model, fmt::format("expected a piece a line in UTF-8, found other bytes at {}", valid));
  }
  std::unordered_map<std::string_view, std::size_t> last_lines;
  std::size_t lines = 0;
  for (auto rest = text; !rest.empty();) last_lines[take_line(rest)] = lines++;
  Vocabulary vocabulary;
  vocabulary.model_type = word_piece_type;
  std::size_t number = 0;
  for (auto rest = text; !rest.empty(); ++number) {
    const auto line = take_line(rest);
    const bool is_last = last_lines[line] == number;
    vocabulary.add(is_last ? line : std::string_view());
    vocabulary.repeats += is_last ? 0 : 1;
  }
  if (number == 0) throw Error(ErrorCode::bad_model, "expected a piece a line, found an empty file");
  return vocabulary;
}

}  // namespace bgem3
