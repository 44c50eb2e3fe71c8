#include "cli/whole_input.h"

#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

void append(std::vector<std::string>& to, std::vector<std::string>&& from) {
  to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
}

[[noreturn]] void refuse_size(std::size_t most, const char* what) {
  throw Error(ErrorCode::invalid_argument, fmt::format("expected at most {} {}, found more", most, what));
}

}  // namespace

TextChunk read_whole_input(const InputOptions& options, std::size_t texts_max, const char* what) {
  constexpr std::size_t bytes_max = 256 << 20, chunk_bytes = 4 << 20;
  TextReader reader(options);
  TextChunk whole;
  std::size_t bytes = 0;
  for (TextChunk chunk = reader.read(texts_max, chunk_bytes); !chunk.ids.empty();
       chunk = reader.read(texts_max, chunk_bytes)) {
    for (const std::string& text : chunk.texts) bytes += text.size();
    append(whole.texts, std::move(chunk.texts));
    append(whole.ids, std::move(chunk.ids));
    if (bytes > bytes_max) refuse_size(bytes_max, "bytes of texts");
    if (whole.texts.size() > texts_max) refuse_size(texts_max, what);
  }
  reader.tell_bad_records();
  if (whole.texts.empty()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("no {}; name some or use --input", what));
  }
  return whole;
}

}  // namespace bgem3::cli
