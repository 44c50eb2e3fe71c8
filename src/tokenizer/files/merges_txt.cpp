#include <algorithm>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "text/utf8.h"
#include "tokenizer/files/vocabulary.h"

namespace bgem3 {

std::optional<BytePairs::Merge> split_merge(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
  return BytePairs::Merge{std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

void read_merges_txt(std::string_view text, Vocabulary& vocabulary) {
  const auto bad = [](const std::string& what) { return Error(ErrorCode::bad_model, what); };
  if (const auto valid = utf8::valid_prefix(text); valid != text.size()) {
    throw bad(fmt::format("expected two pieces a line in UTF-8, found other bytes at {}", valid));
  }
  std::size_t number = 1;
  for (auto rest = text; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    auto merge = split_merge(line);
    if (!merge) throw bad(fmt::format("line {}: expected two pieces, found {}", number, detail::in_quotes(line)));
    vocabulary.add_merge(*std::move(merge));
  }
}

}  // namespace bgem3
