#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/input/byte_source.h"

namespace bgem3::cli {

/// What the first bytes of an input say about the rest.
enum class InputKind { text, utf8_mark, utf16_little, utf16_big, gzip, zstd, parquet, other };

struct Recognised {
  InputKind kind = InputKind::text;
  std::string_view name;    ///< of a kind that is no text, such as "gzip"
  std::string_view advice;  ///< how to make text of a kind that is not read
};

/// @param head  the first bytes; more are needed where is_undecided()
Recognised recognise(std::string_view head);

/// Whether `head` may be the beginning of a longer signature.
bool is_undecided(std::string_view head);

/// @throws Error invalid_argument that names the kind and says what to do
[[noreturn]] void refuse_kind(const std::string& input, std::string_view found, std::string_view advice);

/// Refuses an input whose beginning has a NUL byte, and so is no text.
/// @param head    a part of the beginning
/// @param before  how many bytes came before it
/// @throws Error invalid_argument
void refuse_binary(const std::string& input, std::string_view head, std::uint64_t before);

/// The bytes of `source`, of which the first are looked at beforehand.
class HeadSource : public ByteSource {
 public:
  explicit HeadSource(ByteSource& source) : source_(source) {}

  /// As many of the first bytes as it takes to recognise them: of a pipe, no more than that is waited for.
  std::string_view head();

  /// Leaves out the first `count` bytes, a byte order mark.
  void drop(std::size_t count) { at_ = count; }

  std::size_t read(char* out, std::size_t size) override;

 private:
  ByteSource& source_;
  std::string head_;
  std::size_t at_ = 0;
};

}  // namespace bgem3::cli
