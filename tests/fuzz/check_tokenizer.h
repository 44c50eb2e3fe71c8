#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "bgem3/tokenizer.h"
#include "text/utf8.h"

namespace bgem3::fuzz {

/// A directory of its own for one input.
class Directory {
 public:
  Directory() { std::filesystem::create_directories(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("bgem3-fuzz-" + std::to_string(::getpid()));
};

inline void require(bool holds) {
  if (!holds) std::abort();
}

// That `ids` are `whole`, cut on one side between the special tokens.
inline void check_cut(const Tokenizer& tokenizer, const TokenIds& ids, const TokenIds& whole, std::size_t max_length) {
  const auto& around = tokenizer.special_template();
  require(ids.size() == std::min(whole.size(), max_length));
  const std::size_t skipped = tokenizer.truncates_left() ? whole.size() - ids.size() : 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool is_before = i < around.before.size(), is_after = i + around.after.size() >= ids.size();
    require(ids[i] == whole[is_before ? i : is_after ? i + whole.size() - ids.size() : i + skipped]);
  }
}

inline void check_places(const Tokenizer& tokenizer, std::string_view text, const TokenIds& ids,
                         std::size_t max_length) {
  const auto placed = tokenizer.encode_with_offsets(text);
  require(placed.ids == ids && placed.offsets.size() == ids.size());
  for (const auto& token : placed.offsets) require(token.begin <= token.end && token.end <= text.size());
  const auto cut = tokenizer.encode_with_offsets(text, max_length);
  require(cut.ids == tokenizer.encode(text, max_length) && cut.offsets.size() == cut.ids.size());
}

/// What callers rely on, whatever the vocabulary and the text.
inline void check(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  const auto& around = tokenizer.special_template();
  require(ids.size() >= around.size() && ids.front() == tokenizer.special_tokens().cls &&
          ids.back() == tokenizer.special_tokens().eos);
  for (const auto id : ids) require(id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocabulary_size());
  const std::size_t max_length = around.size() + 2;
  check_cut(tokenizer, tokenizer.encode(text, max_length), ids, max_length);
  check_places(tokenizer, text, ids, max_length);
  // Which throws where the decoder is one that is not known.
  const std::string decoded = tokenizer.decode(ids, /*skip_special_tokens=*/false);
  require(utf8::valid_prefix(decoded) == decoded.size());
}

}  // namespace bgem3::fuzz
