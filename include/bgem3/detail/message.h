#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "bgem3/export.h"

// Text from outside in messages. Whoever wrote a name in a file must not be able to write to the terminal, to add lines
// to a log or to make a message as long as the file.

namespace bgem3::detail {

/// Characters of a name in a message, at most.
inline constexpr std::size_t name_characters_max = 200;

/// Characters of a path in a message, at most.
inline constexpr std::size_t path_characters_max = 1000;

/// Bytes of a whole message, at most.
inline constexpr std::size_t message_bytes_max = 8000;

/// `text` as a terminal may show it. Control characters but the line feed become "\x1b" and the like; what changes the
/// direction or the line of the text that follows becomes "\u202e" and the like, as do U+007F to U+009F; bytes that are
/// not UTF-8 become "\xff" and the like. So the result is UTF-8; of JSON that is UTF-8, it is the same JSON.
BGEM3_API std::string printable(std::string_view text);

/// printable(), of a whole message. Of one longer than message_bytes_max the rest is counted instead.
BGEM3_API std::string printable_message(std::string_view text);

/// A name or a value: printable() in one line. Of one longer than name_characters_max the middle is left out.
BGEM3_API std::string in_one_line(std::string_view text);

/// in_one_line() in single quotes.
BGEM3_API std::string in_quotes(std::string_view text);

/// A path likewise; the limit is path_characters_max.
BGEM3_API std::string in_quotes(const std::filesystem::path& path);
inline std::string in_quotes(const std::string& text) { return in_quotes(std::string_view(text)); }  // not as a path
inline std::string in_quotes(const char* text) { return in_quotes(std::string_view(text)); }

/// A list in a message, of which the first 20 are shown and the others counted.
class ShortList {
 public:
  static constexpr std::size_t shown_max = 20;

  explicit ShortList(std::string separator = ", ") : separator_(std::move(separator)) {}

  /// Whether items are only counted from here on.
  [[nodiscard]] bool is_full() const noexcept { return count_ >= shown_max; }

  void add(std::string_view item) {
    if (!is_full()) {
      if (count_ > 0) text_ += separator_;
      text_ += item;
    }
    ++count_;
  }

  /// `count` more, of which nothing is shown; the list should be full.
  void add_unseen(std::size_t count) noexcept { count_ += count; }

  /// All that were added.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// "a, b and 3 more"
  [[nodiscard]] std::string text() const {
    if (count_ <= shown_max) return text_;
    return text_ + (separator_ == ", " ? " " : separator_) + "and " + std::to_string(count_ - shown_max) + " more";
  }

 private:
  std::string separator_;
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace bgem3::detail
